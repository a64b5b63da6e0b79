"""What a sender hears, and what is stored of its request."""

import base64
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.domain.sources import SourceKind
from ingest.entrypoints.http.answers import SALESFORCE_ACK
from ingest.entrypoints.http.refusals import REASONS
from tests.unit.ingest.receiving import NOW, SECRET, SOAP, Receiving, hmac_headers, hubspot_headers, receiving, sources

BODY = b'[{"eventId": 1, "objectId": 7}]'
BOMB = gzip.compress(b"0" * 20_000_000)


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Receiving]:
    async with receiving(tmp_path / "spool") as parts:
        yield parts


async def test_a_signed_request_is_stored_as_it_came_and_then_answered(app: Receiving) -> None:
    answer = await app.post("hubspot", BODY, hubspot_headers(BODY))
    assert answer.status_code == 200
    (request,) = app.stored
    assert (request.source, request.kind, request.body) == ("hubspot", SourceKind.HUBSPOT, BODY)
    assert request.received_at == NOW
    assert dict(request.headers) == {"content-type": "application/json"}
    assert app.answered("hubspot", 200) == 1


async def test_requests_of_a_source_share_a_key_so_that_they_stay_in_order(app: Receiving) -> None:
    for _ in range(3):
        await app.post("hubspot", BODY, hubspot_headers(BODY))
    assert {one.key for one in app.stream.of("crm.received")} == {b"hubspot"}


async def test_salesforce_gets_its_acknowledgement_byte_for_byte(app: Receiving) -> None:
    answer = await app.post("salesforce?token=tok", SOAP, {"content-type": "text/xml; charset=utf-8"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/xml"
    assert answer.content == SALESFORCE_ACK
    assert answer.content == (
        b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
        b"</notificationsResponse></soapenv:Body></soapenv:Envelope>\n"
    )


async def test_a_salesforce_login_and_token_are_stored_nowhere(app: Receiving) -> None:
    await app.post("salesforce/tok", SOAP, {"content-type": "text/xml"})
    app.stream.away = True
    await app.post("salesforce?token=tok", SOAP, {"content-type": "text/xml"})
    (spooled,) = await app.spool.peek(most_records=9, most_bytes=100_000)
    (stored,) = app.stream.of("crm.received")
    for record in (stored, spooled):
        assert b"live.login" not in record.value
        assert b"tok" not in record.value
        assert b"00Q5e0000000001EAA" in record.value


async def test_the_other_kinds_answer_as_their_senders_expect(app: Receiving) -> None:
    basic = {"authorization": "Basic " + base64.b64encode(f"leadpact:{SECRET}".encode()).decode()}
    assert (await app.post("pipedrive", b"{}", basic)).status_code == 200
    assert (await app.post("form", b"{}", hmac_headers(b"{}"))).status_code == 202
    event = {"ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-specversion": "1.0"}
    assert (await app.post("events", b"{}", event)).status_code == 202


@pytest.mark.parametrize(
    ("minutes", "reason"), [(-6, "stale_timestamp"), (6, "future_timestamp")], ids=["stale", "future"]
)
async def test_a_timestamp_out_of_bounds_is_401_and_counted_as_what_it_is(
    app: Receiving, minutes: int, reason: str
) -> None:
    answer = await app.post("hubspot", BODY, hubspot_headers(BODY, at=NOW + timedelta(minutes=minutes)))
    assert answer.status_code == 401
    assert app.counted("hubspot", reason) == 1
    assert app.stored == []


async def test_a_wrong_signature_is_401_as_a_problem_that_gives_no_secret_away(app: Receiving) -> None:
    answer = await app.post("hubspot", BODY + b" ", hubspot_headers(BODY))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 401
    assert SECRET not in answer.text
    assert app.counted("hubspot", "bad_signature") == 1
    assert app.stored == []


async def test_the_signature_is_that_of_the_public_address_with_its_query(app: Receiving) -> None:
    with_query = hubspot_headers(BODY, path="hubspot?tenant=a%20b")
    assert (await app.post("hubspot?tenant=a%20b", BODY, with_query)).status_code == 200
    assert (await app.post("hubspot?tenant=other", BODY, with_query)).status_code == 401


async def test_an_unknown_source_is_404_and_does_not_become_a_label(app: Receiving) -> None:
    answer = await app.post("nobody", BODY)
    assert answer.status_code == 404
    assert app.counted("unknown", "unknown_source") == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
async def test_another_method_is_405_and_says_which_is_allowed(app: Receiving, method: str) -> None:
    answer = await app.client.request(method, "/webhooks/hubspot")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_a_cloudevents_sender_may_ask_first(app: Receiving) -> None:
    answer = await app.client.options("/webhooks/events", headers={"WebHook-Request-Origin": "crm.example.com"})
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "crm.example.com"
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert answer.headers["allow"] == "POST, OPTIONS"


@pytest.mark.parametrize(
    ("source", "media_type"),
    [("hubspot", "text/plain"), ("hubspot", ""), ("salesforce", "application/json"), ("form", "text/xml")],
)
async def test_a_media_type_that_the_kind_never_sends_is_415(app: Receiving, source: str, media_type: str) -> None:
    answer = await app.post(source, BODY, {"content-type": media_type})
    assert answer.status_code == 415
    assert app.counted(source, "media_type") == 1


async def test_a_body_that_is_not_json_is_400_and_the_answer_says_where(app: Receiving) -> None:
    broken = b'{"a": 1,}'
    answer = await app.post("form", broken, hmac_headers(broken))
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["detail"]
    assert "byte 8" in answer.json()["detail"]
    assert app.counted("form", "malformed_body") == 1


async def test_a_stranger_learns_nothing_about_its_body(app: Receiving) -> None:
    assert (await app.post("form", b"not json", {"x-signature": "00"})).status_code == 401


@pytest.mark.parametrize("declaration", ['<!DOCTYPE a [<!ENTITY b "c">]>', '<!DOCTYPE a SYSTEM "file:///etc/passwd">'])
async def test_xml_with_a_document_type_is_refused(app: Receiving, declaration: str) -> None:
    body = SOAP.replace(b"<soapenv:Envelope", declaration.encode() + b"<soapenv:Envelope", 1)
    answer = await app.post("salesforce?token=tok", body, {"content-type": "text/xml"})
    assert answer.status_code == 400
    assert "document type" in answer.json()["detail"]
    assert app.stored == []


async def test_a_body_over_the_limit_is_413_whether_or_not_its_length_is_declared(app: Receiving) -> None:
    at_limit = b'"' + b"x" * 98 + b'"'
    assert (await app.post("small", at_limit)).status_code == 202
    assert (await app.post("small", at_limit + b" ")).status_code == 413

    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"0" * 10

    answer = await app.client.post("/webhooks/small", content=in_chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert app.counted("small", "too_large") == 2


async def test_the_limit_holds_after_decompression_too(app: Receiving) -> None:
    assert len(BOMB) < 4 * 1024 * 1024 < 20_000_000
    answer = await app.post("form", BOMB, {"content-encoding": "gzip", **hmac_headers(BOMB)})
    assert answer.status_code == 413
    assert app.counted("form", "too_large") == 1


async def test_what_the_stream_would_never_take_is_413_and_not_spooled(app: Receiving) -> None:
    body = json.dumps("x" * 1_200_000).encode()
    app.stream.away = True
    answer = await app.post("form", body, hmac_headers(body))
    assert answer.status_code == 413
    assert app.spool.pending == 0


def _raw_deflate(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(body) + deflater.flush()


@pytest.mark.parametrize(
    ("encoding", "compressed"),
    [
        ("gzip", gzip.compress(BODY)),
        ("gzip", gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])),
        ("deflate", zlib.compress(BODY)),
        ("deflate", _raw_deflate(BODY)),
    ],
    ids=["gzip", "gzip in two members", "zlib", "raw deflate"],
)
async def test_a_compressed_body_is_stored_plain(app: Receiving, encoding: str, compressed: bytes) -> None:
    headers = {"content-encoding": encoding, **hmac_headers(BODY)}
    assert (await app.post("form", compressed, headers)).status_code == 202
    assert app.stored[0].body == BODY


async def test_a_signature_of_the_compressed_bytes_counts_as_well(app: Receiving) -> None:
    compressed = gzip.compress(BODY)
    answer = await app.post("form", compressed, {"content-encoding": "gzip", **hmac_headers(compressed)})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [("br", b"x", 415), ("gzip", gzip.compress(BODY)[:-4], 400), ("gzip", b"no gzip", 400)],
    ids=["unknown encoding", "cut short", "not gzip at all"],
)
async def test_a_body_that_can_not_be_decompressed_is_refused(
    app: Receiving, encoding: str, body: bytes, status: int
) -> None:
    answer = await app.post("form", body, {"content-encoding": encoding, **hmac_headers(body)})
    assert answer.status_code == status


async def test_the_trace_context_is_taken_over_or_made(app: Receiving) -> None:
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for traceparent in (given, "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "nonsense"):
        await app.post("hubspot", BODY, {**hubspot_headers(BODY), "traceparent": traceparent})
    kept, made, made_too = (one.traceparent for one in app.stored)
    assert kept == given
    assert made is not None
    assert made_too is not None
    assert len({kept, made, made_too}) == 3
    assert made.startswith("00-")
    assert len(made) == len(given)


async def test_every_combination_of_labels_is_there_before_the_first_request(app: Receiving) -> None:
    for source in (*sources(), "unknown"):
        assert [app.counted(source, reason) for reason in REASONS] == [0] * len(REASONS)
        assert app.answered(source, 200) == app.answered(source, 503) == 0


async def test_a_fault_of_ours_is_500_without_details(app: Receiving, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("inner workings")

    monkeypatch.setattr(app.stream, "append", fail)
    answer = await app.post("hubspot", BODY, hubspot_headers(BODY))
    assert answer.status_code == 500
    assert "inner workings" not in answer.text
    assert app.answered("hubspot", 500) == 1


async def test_the_openapi_document_describes_the_webhooks(app: Receiving) -> None:
    document = (await app.client.get("/openapi.json")).json()
    described = document["paths"]["/webhooks/{source}"]
    assert described["parameters"][0]["schema"]["enum"] == sorted(sources())
    assert {"200", "400", "401", "404", "405", "413", "415", "503"} <= set(described["post"]["responses"])
    assert "options" in described
    assert (await app.client.get("/docs")).status_code == 200


async def test_any_other_address_is_a_problem_too(app: Receiving) -> None:
    answer = await app.client.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
