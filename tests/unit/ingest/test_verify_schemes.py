"""All other ways in which senders prove themselves."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from ingest.domain.rejection import Rejected, RejectionReason
from ingest.domain.sources import Authentication, AuthMethod, Source, SourceKind
from ingest.domain.verify import verify
from tests.support.ingest_sources import source_of

NOW = datetime(2021, 2, 25, 15, 2, 10, tzinfo=UTC)
ORGANISATION = "00DXX0000008aBcUAI"
MESSAGE = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    '<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>{org}</OrganizationId>'
    "</notifications></e:Body></e:Envelope>"
)


def check(
    source: Source, headers: dict[str, str], *, body: bytes = b"{}", now: datetime = NOW, url: str | None = None
) -> None:
    verify(source, method="POST", url=url or source.public_url, headers=headers, body=body, now=now)


def rejection(
    source: Source, headers: dict[str, str], *, body: bytes = b"{}", now: datetime = NOW, url: str | None = None
) -> RejectionReason:
    with pytest.raises(Rejected) as refused:
        check(source, headers, body=body, now=now, url=url)
    return refused.value.reason


class TestStandardWebhooks:
    SOURCE = source_of(SourceKind.STANDARD_WEBHOOKS, secrets=("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",))
    BODY = b'{"test": 2432232314}'
    GOOD = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    BAD = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="

    def headers(self, signature: str = GOOD, timestamp: str = "1614265330") -> dict[str, str]:
        return {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": timestamp,
            "webhook-signature": signature,
        }

    def test_the_public_vector_passes(self) -> None:
        check(self.SOURCE, self.headers(), body=self.BODY)

    def test_the_public_vector_with_another_signature_fails(self) -> None:
        assert rejection(self.SOURCE, self.headers(self.BAD), body=self.BODY) is RejectionReason.BAD_SIGNATURE

    def test_one_of_several_signatures_is_enough(self) -> None:
        check(self.SOURCE, self.headers(f"v1a,other {self.BAD} {self.GOOD}"), body=self.BODY)

    def test_one_of_several_secrets_is_enough(self) -> None:
        rotating = source_of(SourceKind.STANDARD_WEBHOOKS, secrets=("whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        check(rotating, self.headers(), body=self.BODY)

    @pytest.mark.parametrize(
        ("late_by", "reason"),
        [(301, RejectionReason.STALE_TIMESTAMP), (-301, RejectionReason.FUTURE_TIMESTAMP)],
    )
    def test_five_minutes_is_the_limit(self, late_by: int, reason: RejectionReason) -> None:
        now = NOW + timedelta(seconds=late_by)
        assert rejection(self.SOURCE, self.headers(), body=self.BODY, now=now) is reason

    @pytest.mark.parametrize("signature", ["g0hM", "v2,AAAA", "v1", ",", "v1a,x"])
    def test_a_header_without_a_v1_signature_is_malformed(self, signature: str) -> None:
        found = rejection(self.SOURCE, self.headers(signature), body=self.BODY)
        assert found is RejectionReason.MALFORMED_SIGNATURE

    def test_missing_headers_are_told_apart(self) -> None:
        assert rejection(self.SOURCE, {}) is RejectionReason.MISSING_SIGNATURE
        without_time = {name: value for name, value in self.headers().items() if name != "webhook-timestamp"}
        assert rejection(self.SOURCE, without_time) is RejectionReason.MISSING_TIMESTAMP

    def test_a_body_that_is_no_text_is_malformed(self) -> None:
        assert rejection(self.SOURCE, self.headers(), body=b"\xff") is RejectionReason.MALFORMED_BODY


class TestSalesforce:
    SOURCE = source_of(SourceKind.SALESFORCE_OUTBOUND_MESSAGE, account="00DXX0000008aBc")
    GUARDED = source_of(SourceKind.SALESFORCE_OUTBOUND_MESSAGE, account=ORGANISATION, secrets=("s3cret",))
    BODY = MESSAGE.format(org=ORGANISATION).encode()

    def test_the_organisation_is_compared_on_its_first_fifteen_characters(self) -> None:
        check(self.SOURCE, {}, body=self.BODY)
        check(self.SOURCE, {}, body=MESSAGE.format(org="00DXX0000008aBc").encode())

    def test_another_organisation_is_refused(self) -> None:
        body = MESSAGE.format(org="00DXX0000008aBdUAI").encode()
        assert rejection(self.SOURCE, {}, body=body) is RejectionReason.WRONG_ACCOUNT

    def test_the_case_of_an_id_counts(self) -> None:
        body = MESSAGE.format(org=ORGANISATION.lower()).encode()
        assert rejection(self.SOURCE, {}, body=body) is RejectionReason.WRONG_ACCOUNT

    @pytest.mark.parametrize("suffix", ["?token=s3cret", "/s3cret", "/s3cret?token=s3cret"])
    def test_the_token_may_be_a_parameter_or_the_last_part_of_the_path(self, suffix: str) -> None:
        check(self.GUARDED, {}, body=self.BODY, url=self.GUARDED.public_url + suffix)

    @pytest.mark.parametrize(
        ("suffix", "reason"),
        [
            ("", RejectionReason.MISSING_CREDENTIALS),
            ("?token=", RejectionReason.MISSING_CREDENTIALS),
            ("?token=other", RejectionReason.BAD_CREDENTIALS),
            ("/other", RejectionReason.BAD_CREDENTIALS),
            ("/s3cret/more", RejectionReason.BAD_CREDENTIALS),
        ],
    )
    def test_without_the_token_nobody_gets_in(self, suffix: str, reason: RejectionReason) -> None:
        assert rejection(self.GUARDED, {}, body=self.BODY, url=self.GUARDED.public_url + suffix) is reason

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<a",
            b"<a/>",
            b'{"json": true}',
            b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
            b'<!DOCTYPE a SYSTEM "http://example.com/a.dtd"><a/>',
            b'<notifications xmlns="http://soap.sforce.com/2005/09/outbound"/>',
        ],
    )
    def test_what_is_no_outbound_message_is_malformed(self, body: bytes) -> None:
        with pytest.raises(Rejected) as refused:
            check(self.SOURCE, {}, body=body)
        assert refused.value.malformed


class TestBasic:
    SOURCE = source_of(
        SourceKind.PIPEDRIVE,
        secrets=("old", "pa:ss"),
        authentication=Authentication(method=AuthMethod.BASIC, username="leadpact"),
    )

    def authorization(self, pair: str, scheme: str = "Basic") -> dict[str, str]:
        return {"authorization": f"{scheme} {base64.b64encode(pair.encode()).decode()}"}

    @pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
    def test_user_and_password_pass(self, scheme: str) -> None:
        check(self.SOURCE, self.authorization("leadpact:pa:ss", scheme))

    @pytest.mark.parametrize("pair", ["leadpact:pass", "other:pa:ss", "leadpact:", "", ":pa:ss"])
    def test_any_other_pair_is_refused(self, pair: str) -> None:
        assert rejection(self.SOURCE, self.authorization(pair)) is RejectionReason.BAD_CREDENTIALS

    def test_none_and_another_scheme_are_missing(self) -> None:
        assert rejection(self.SOURCE, {}) is RejectionReason.MISSING_CREDENTIALS
        assert rejection(self.SOURCE, {"authorization": "Bearer x"}) is RejectionReason.MISSING_CREDENTIALS

    @pytest.mark.parametrize("value", ["Basic", "Basic é", "Basic !!!!", "Basic a"])
    def test_what_is_no_base64_is_refused(self, value: str) -> None:
        assert rejection(self.SOURCE, {"authorization": value}) is RejectionReason.BAD_CREDENTIALS


class TestChosenInTheFile:
    BODY = b'{"lead": "L-1"}'

    def source(
        self,
        method: AuthMethod,
        *,
        header: str | None = None,
        encoding: Literal["hex", "base64"] = "hex",
        prefix: str = "",
    ) -> Source:
        chosen = Authentication(method=method, header=header, encoding=encoding, prefix=prefix)
        return source_of(SourceKind.JSON, secrets=("first", "second"), authentication=chosen)

    def test_a_bearer_token_passes_and_another_does_not(self) -> None:
        source = self.source(AuthMethod.BEARER)
        check(source, {"authorization": "Bearer second"})
        assert rejection(source, {"authorization": "Bearer third"}) is RejectionReason.BAD_CREDENTIALS

    def test_a_secret_in_a_header_passes_and_another_does_not(self) -> None:
        source = self.source(AuthMethod.HEADER, header="x-token")
        check(source, {"x-token": "first"})
        assert rejection(source, {"x-token": "firs"}) is RejectionReason.BAD_CREDENTIALS
        assert rejection(source, {}) is RejectionReason.MISSING_CREDENTIALS

    def test_an_hmac_in_hexadecimal_passes_in_either_case(self) -> None:
        source = self.source(AuthMethod.HMAC_SHA256, header="x-signature", prefix="sha256=")
        digest = hmac.new(b"second", self.BODY, hashlib.sha256).hexdigest()
        check(source, {"x-signature": f"sha256={digest}"}, body=self.BODY)
        check(source, {"x-signature": f"sha256={digest.upper()}"}, body=self.BODY)

    def test_an_hmac_in_base64_passes(self) -> None:
        source = self.source(AuthMethod.HMAC_SHA256, header="x-signature", encoding="base64")
        digest = base64.b64encode(hmac.new(b"first", self.BODY, hashlib.sha256).digest()).decode()
        check(source, {"x-signature": digest}, body=self.BODY)

    def test_an_hmac_of_another_body_without_prefix_or_missing_is_refused(self) -> None:
        source = self.source(AuthMethod.HMAC_SHA256, header="x-signature", prefix="sha256=")
        digest = hmac.new(b"second", b"other", hashlib.sha256).hexdigest()
        assert rejection(source, {"x-signature": f"sha256={digest}"}, body=self.BODY) is RejectionReason.BAD_SIGNATURE
        assert rejection(source, {"x-signature": digest}, body=self.BODY) is RejectionReason.MALFORMED_SIGNATURE
        assert rejection(source, {}, body=self.BODY) is RejectionReason.MISSING_SIGNATURE

    def test_none_lets_everybody_in(self) -> None:
        check(source_of(SourceKind.JSON, authentication=Authentication(method=AuthMethod.NONE)), {})


def test_a_rejection_tells_no_secret() -> None:
    source = source_of(SourceKind.HUBSPOT, secrets=("very-secret",))
    with pytest.raises(Rejected) as refused:
        check(source, {"x-hubspot-signature": "0" * 64})
    assert "very-secret" not in str(refused.value)
    assert "very-secret" not in repr(source)
