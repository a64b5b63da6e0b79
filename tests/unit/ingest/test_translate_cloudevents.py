"""CloudEvents in three modes: our own events taken as they are, others by rules."""

import base64
import json
from datetime import UTC, datetime

import pytest

from ingest.domain.sources import JsonRule, SourceKind, SourceMapping
from ingest.domain.translate import translate
from ingest.domain.translation import FailureReason, Translation
from shared.events.envelope import Channel, TimeSource
from shared.events.lead import DealWon, LeadAssigned, LeadCreated, TouchLogged
from tests.support.ingest_sources import RECEIVED_AT, raw_of, source_of

RULE = JsonRule(
    type="lead.assigned", when="_ce.type == 'com.example.assigned'", lead="contact", fields={"owner": "rep"}
)
SOURCE = source_of(SourceKind.CLOUDEVENTS, SourceMapping(rules=(RULE,)), name="bus", account="acme")
AT = datetime(2024, 2, 29, 10, tzinfo=UTC)
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


def event(**changes: object) -> dict[str, object]:
    whole: dict[str, object] = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/crm/eu",
        "type": "com.example.assigned",
        "time": "2024-02-29T10:00:00Z",
        "data": {"contact": "L-1", "rep": 7},
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def told(body: object, headers: dict[str, str] | None = None) -> Translation:
    return translate(raw_of(SOURCE, body, headers=headers or STRUCTURED), SOURCE)


def test_structured() -> None:
    found = told(event()).events[0]
    assert isinstance(found, LeadAssigned)
    assert (found.lead, found.occurred_at, found.time_source) == ("bus:acme:lead:L-1", AT, TimeSource.EVENT)


def test_binary_reads_attributes_from_percent_encoded_headers() -> None:
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-source": "%2Fcrm%2Feu",
        "ce-type": '"com.example.assigned"',
        "ce-time": "2024-02-29T10:00:00Z",
    }
    assert told({"contact": "L-1", "rep": 7}, headers).events[0].id == told(event()).events[0].id


def test_batch_and_a_broken_event_fails_alone() -> None:
    result = told([event(), event(id=None), event(id="e-2"), 5, event(specversion="0.3")], BATCH)
    assert len(result.events) == 2
    assert [one.part for one in result.failures] == [1, 3, 4]


def test_data_may_be_base64() -> None:
    encoded = base64.b64encode(json.dumps({"contact": "L-1", "rep": 7}).encode()).decode()
    assert told(event(data=None, data_base64=encoded)).events[0].id == told(event()).events[0].id
    assert told(event(data=None, data_base64="!")).failures[0].reason is FailureReason.MALFORMED_PART


def test_source_and_id_name_the_event() -> None:
    first = told(event()).events[0].id
    assert told(event(data={"contact": "L-1", "rep": 7, "retry": 2})).events[0].id == first
    assert told(event(id="e-2")).events[0].id != first
    assert told(event(source="/crm/us")).events[0].id != first


def test_an_event_without_an_id_is_refused_not_given_one() -> None:
    assert "id" in told(event(id=None)).failures[0].detail


def test_our_own_types_are_taken_by_our_schema() -> None:
    data = {
        "lead": "L-9",
        "touch": "t-1",
        "channel": "call",
        "direction": "outbound",
        "performed_at": "2024-02-29T09:58:00",
        "raw_id": "made up",
        "received_at": "1999-01-01T00:00:00Z",
    }
    found = told(event(type="touch.logged", data=data)).events[0]
    assert isinstance(found, TouchLogged)
    assert (found.lead, found.channel) == ("bus:acme:lead:L-9", Channel.CALL)
    assert found.performed_at == datetime(2024, 2, 29, 9, 58, tzinfo=UTC)
    assert found.received_at == RECEIVED_AT
    assert found.raw_id != "made up"


def test_a_whole_key_an_account_and_the_digits_of_an_amount_are_kept() -> None:
    data = {"lead": "hubspot:1:contact:2", "account": "1", "deal": "d", "amount": 12.340}
    found = told(json.dumps(event(type="deal.won", data=data)).replace("12.34", "12.340")).events[0]
    assert isinstance(found, DealWon)
    assert (found.lead, found.account, found.amount) == ("hubspot:1:contact:2", "1", "12.340")


def test_the_subject_may_be_the_lead() -> None:
    found = told(event(type="lead.created", subject="L-5", data={"attributes": {"score": 1.5, "tags": ["a"]}})).events[
        0
    ]
    assert isinstance(found, LeadCreated)
    assert found.lead == "bus:acme:lead:L-5"
    assert found.attributes == {"score": "1.5", "tags": '["a"]'}


@pytest.mark.parametrize(
    "data",
    [None, {}, {"lead": "L-1"}, {"lead": "L-1", "touch": "t", "channel": "pigeon", "direction": "outbound"}, "text"],
)
def test_our_own_type_with_other_data_is_a_failure(data: object) -> None:
    result = told(event(type="touch.logged", data=data))
    assert result.events == ()
    assert [one.reason for one in result.failures] == [FailureReason.MALFORMED_PART]


def test_other_types_that_no_rule_names_are_ignored() -> None:
    result = told(event(type="com.example.other"))
    assert (result.events, result.failures, len(result.ignored)) == ((), (), 1)


@pytest.mark.parametrize(("body", "headers"), [(b"{", STRUCTURED), (b"{}", BATCH), (b"", STRUCTURED)])
def test_what_is_no_cloudevent_fails_as_a_whole(body: bytes, headers: dict[str, str]) -> None:
    assert [(one.part, one.reason) for one in told(body, headers).failures] == [(None, FailureReason.MALFORMED_BODY)]
