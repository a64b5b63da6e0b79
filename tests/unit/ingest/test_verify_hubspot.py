"""HubSpot's signatures: every public vector, and what must be refused."""

from datetime import UTC, datetime, timedelta
from typing import TypedDict, Unpack

import pytest

from ingest.domain.rejection import Rejected, RejectionReason
from ingest.domain.sources import SourceKind
from ingest.domain.verification.hubspot import decoded_uri
from ingest.domain.verify import verify
from tests.support.ingest_sources import source_of

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URI = "https://www.example.com/webhook_uri"
V3_AT = datetime(2023, 9, 2, 12, 26, tzinfo=UTC)
QUOTED = b"{'example_field':'example_value'}"
CREATION = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW",'
    b'"appId":54321}]'
)

# HubSpot's documentation and the tests of its own libraries for Node and Python
PUBLIC_VECTORS = [
    ("v1", "POST", CREATION, "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"),
    ("v1", "POST", QUOTED, "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750"),
    ("v2", "GET", b"", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"),
    (
        "v2",
        "POST",
        b'{"example_field":"example_value"}',
        "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900",
    ),
    ("v2", "POST", QUOTED, "4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383"),
]
V3_SIGNATURE = "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="

ENCODED = "https://in.example.com/v1/hubspot/acme?cb=https%3A%2F%2Fa.example%2Fx%3Fy&who=rep%40acme.com&keep=%20%25%26"


class Request(TypedDict, total=False):
    """What a test changes of an otherwise genuine request."""

    body: bytes
    method: str
    url: str
    now: datetime
    secrets: tuple[str, ...]


def check(headers: dict[str, str], **request: Unpack[Request]) -> None:
    verify(
        source_of(SourceKind.HUBSPOT, secrets=request.get("secrets", (SECRET,))),
        method=request.get("method", "POST"),
        url=request.get("url", URI),
        headers=headers,
        body=request.get("body", QUOTED),
        now=request.get("now", V3_AT),
    )


def rejection(headers: dict[str, str], **request: Unpack[Request]) -> RejectionReason:
    with pytest.raises(Rejected) as refused:
        check(headers, **request)
    return refused.value.reason


def v3(signature: str = V3_SIGNATURE, timestamp: str = "1693657560000") -> dict[str, str]:
    return {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": timestamp}


@pytest.mark.parametrize(("version", "method", "body", "signature"), PUBLIC_VECTORS)
def test_public_vectors_of_v1_and_v2_pass(version: str, method: str, body: bytes, signature: str) -> None:
    check({"x-hubspot-signature": signature, "x-hubspot-signature-version": version}, method=method, body=body)


@pytest.mark.parametrize(("version", "method", "body", "signature"), PUBLIC_VECTORS)
def test_one_changed_byte_of_the_body_fails(version: str, method: str, body: bytes, signature: str) -> None:
    headers = {"x-hubspot-signature": signature, "x-hubspot-signature-version": version}
    assert rejection(headers, method=method, body=body + b" ") is RejectionReason.BAD_SIGNATURE


def test_the_public_vector_of_v3_passes() -> None:
    check(v3())


def test_v3_signs_the_uri_with_twelve_characters_decoded() -> None:
    # made after HubSpot's table, for no public vector has an encoded URI
    headers = v3("ypJewWnhqy5Ms9tScCkD809Au+O7hPqKwmomY9nkaAI=")
    check(headers, body=b'[{"eventId":1}]', url=ENCODED)


def test_v3_over_the_undecoded_uri_fails() -> None:
    headers = v3("4pmp2fuTrqVKqgZNR9Y1po/Sz8arK14J1QYf6msxXDU=")
    assert rejection(headers, body=b'[{"eventId":1}]', url=ENCODED) is RejectionReason.BAD_SIGNATURE


def test_the_twelve_characters_of_hubspots_table_are_decoded_in_either_case() -> None:
    assert decoded_uri("%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B") == ":/?@!$'()*,;"
    assert decoded_uri("%3a%2f%3f%40%21%24%27%28%29%2a%2c%3b") == ":/?@!$'()*,;"


def test_decoding_leaves_all_other_characters_encoded() -> None:
    assert decoded_uri("/a%3a%2f%20%25%26%3D") == "/a:/%20%25%26%3D"


@pytest.mark.parametrize(
    ("late_by", "reason"),
    [
        (timedelta(minutes=5, milliseconds=1), RejectionReason.STALE_TIMESTAMP),
        (timedelta(minutes=-5, milliseconds=-1), RejectionReason.FUTURE_TIMESTAMP),
    ],
)
def test_v3_is_refused_beyond_five_minutes(late_by: timedelta, reason: RejectionReason) -> None:
    assert rejection(v3(), now=V3_AT + late_by) is reason


@pytest.mark.parametrize("late_by", [timedelta(minutes=5), timedelta(minutes=-5)])
def test_v3_is_taken_at_exactly_five_minutes(late_by: timedelta) -> None:
    check(v3(), now=V3_AT + late_by)


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1e12", "9" * 16, "１６９３"])
def test_a_timestamp_that_is_no_number_is_refused(timestamp: str) -> None:
    assert rejection(v3(timestamp=timestamp)) is RejectionReason.MALFORMED_TIMESTAMP


def test_v3_without_a_timestamp_is_refused() -> None:
    assert rejection({"x-hubspot-signature-v3": V3_SIGNATURE}) is RejectionReason.MISSING_TIMESTAMP


def test_a_bad_v3_signature_is_not_saved_by_a_good_v1_beside_it() -> None:
    headers = v3("AAAA") | {"x-hubspot-signature": PUBLIC_VECTORS[1][3]}
    assert rejection(headers) is RejectionReason.BAD_SIGNATURE


def test_no_signature_is_refused() -> None:
    assert rejection({}) is RejectionReason.MISSING_SIGNATURE


def test_an_unknown_version_is_refused() -> None:
    headers = {"x-hubspot-signature": "00", "x-hubspot-signature-version": "v9"}
    assert rejection(headers) is RejectionReason.MALFORMED_SIGNATURE


def test_any_of_several_secrets_passes_while_they_rotate() -> None:
    check(v3(), secrets=("the-new-one", SECRET))


def test_another_secret_fails() -> None:
    assert rejection(v3(), secrets=("the-new-one",)) is RejectionReason.BAD_SIGNATURE


def test_the_url_is_signed_by_v2_and_v3() -> None:
    assert rejection(v3(), url=f"{URI}?x=1") is RejectionReason.BAD_SIGNATURE
