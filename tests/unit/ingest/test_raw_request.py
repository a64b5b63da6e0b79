"""What is kept of a request, and what never is."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ingest.domain import raw_request
from ingest.domain.presentation import presented
from ingest.domain.raw_request import request_id
from ingest.domain.receipt import accept
from ingest.domain.rejection import Rejected
from ingest.domain.secret import Secret
from ingest.domain.sources import Authentication, AuthMethod, Source, SourceKind
from ingest.domain.translate import translate
from tests.support.ingest_sources import RECEIVED_AT, raw_of, source_of

HEADERS = {
    "authorization": "Basic c2VjcmV0",
    "content-type": "application/json",
    "cookie": "session=1",
    "ce-id": "5",
    "host": "in.example.com",
    "webhook-id": "msg_1",
    "webhook-signature": "v1,abc",
    "x-campaign": "spring",
    "x-hubspot-signature-v3": "abc",
    "x-token": "secret",
}


def accepted(source: Source, body: bytes = b"{}") -> raw_request.RawRequest:
    return accept(source, method="POST", headers=HEADERS, body=body, received_at=RECEIVED_AT, traceparent="00-aa-bb-01")


def test_only_the_headers_that_translating_needs_are_kept() -> None:
    kept = dict(accepted(source_of(SourceKind.JSON)).headers)
    assert kept == {"content-type": "application/json", "ce-id": "5", "webhook-id": "msg_1"}


def test_a_source_may_keep_more_but_no_credentials() -> None:
    scheme = Authentication(method=AuthMethod.HEADER, header="x-token")
    wanted = frozenset({"x-campaign", "x-token", "authorization", "cookie"})
    kept = dict(accepted(source_of(SourceKind.JSON, authentication=scheme, keep_headers=wanted)).headers)
    assert kept["x-campaign"] == "spring"
    assert not {"x-token", "authorization", "cookie"} & set(kept)


def test_a_session_id_is_not_kept() -> None:
    body = (
        b'<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D</OrganizationId>'
        b"<SessionId>live!session</SessionId></notifications>"
    )
    kept = accepted(source_of(SourceKind.SALESFORCE_OUTBOUND_MESSAGE), body)
    assert b"live!session" not in raw_request.encode(kept)


def test_a_message_that_cannot_be_read_is_refused_and_not_kept() -> None:
    with pytest.raises(Rejected) as refused:
        accepted(source_of(SourceKind.SALESFORCE_OUTBOUND_MESSAGE), b"<SessionId>live")
    assert refused.value.malformed


def test_it_travels_whole() -> None:
    request = accepted(source_of(SourceKind.JSON), bytes(range(256)))
    assert raw_request.decode(raw_request.encode(request)) == request
    assert raw_request.decode(memoryview(raw_request.encode(request))).body == bytes(range(256))
    assert request.header("webhook-id") == "msg_1"
    assert request.header("no-such") is None


def test_ids_sort_by_time_and_tell_requests_apart() -> None:
    def made(offset: timedelta = timedelta(), body: bytes = b"x", source: str = "a") -> str:
        return request_id(source=source, received_at=RECEIVED_AT + offset, body=body)

    assert made() == made()
    assert len({made(), made(body=b"y"), made(source="b"), made(timedelta(microseconds=1))}) == 4
    later = [made(timedelta(milliseconds=step)) for step in range(20)]
    assert later == sorted(later)
    assert all(len(one) == 32 for one in later)


def test_an_instant_gives_one_id_in_every_zone() -> None:
    paris = RECEIVED_AT.astimezone(timezone(timedelta(hours=1)))
    assert request_id(source="a", received_at=paris, body=b"") == request_id(
        source="a", received_at=datetime(2026, 3, 2, 12, tzinfo=UTC), body=b""
    )


def test_a_secret_compares_without_showing() -> None:
    secret = Secret("pässword")
    assert secret.matches("pässword")
    assert secret.matches("pässword".encode())
    assert not secret.matches("password")
    assert secret == Secret("pässword")
    assert secret != "pässword"
    assert "ssword" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError, match="not pickled"):
        secret.__reduce__()


def test_a_translation_is_presented_part_by_part_with_its_reasons() -> None:
    source = source_of(SourceKind.HUBSPOT)
    batch = [
        {
            "eventId": number,
            "portalId": 62515,
            "objectId": 1801,
            "occurredAt": 1705422467780,
            "subscriptionType": "contact.propertyChange",
            "propertyName": name,
            "propertyValue": value,
            "changeSource": "AUTOMATION_PLATFORM",
        }
        for number, (name, value) in enumerate(
            [("lifecyclestage", "marketingqualifiedlead"), ("lastname", "Okoye"), ("lifecyclestage", "odd")]
        )
    ]
    lines = presented(translate(raw_of(source, batch), source))
    assert lines[:4] == [
        "part 0",
        "  → lead.stage_changed  stage=mql raw_stage=marketingqualifiedlead",
        "      lead hubspot:62515:contact:1801, at 2024-01-16T16:27:47.780000Z (event), by automation, origin workflow",
        "      because lifecyclestage = 'marketingqualifiedlead' is stage 'mql'",
    ]
    assert lines[4:6] == ["part 1", "  · lastname = 'Okoye' ignored: mapping.attributes does not name it"]
    assert lines[6] == "part 2"
    assert lines[7].startswith("  ✗ unmapped_stage: lifecyclestage: 'odd'")
    assert lines[8] == "1 event, 1 ignored, 1 failure"


def test_a_request_that_fails_as_a_whole_is_presented_so() -> None:
    source = source_of(SourceKind.HUBSPOT)
    lines = presented(translate(raw_of(source, b"{"), source))
    assert lines[0] == "the request as a whole"
    assert lines[-1] == "0 events, 0 ignored, 1 failure"
