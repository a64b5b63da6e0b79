"""What holds for every body: nothing is raised, nothing depends on order, a redelivery is the same."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from xml.sax.saxutils import escape, quoteattr

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.domain import raw_request
from ingest.domain.presentation import presented
from ingest.domain.salesforce_message import UnreadableMessage, parse, without_session_id
from ingest.domain.sources import (
    DispositionRule,
    JsonRule,
    Outcome,
    OwnerRule,
    Source,
    SourceKind,
    SourceMapping,
)
from ingest.domain.translate import translate
from ingest.domain.translation import FailureReason, Translation
from ingest.domain.translators.rule_events import EVENT_FIELDS
from shared.events.lead import LeadAttributesChanged, decode, encode
from tests.support.ingest_sources import raw_of, source_of

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CONTROL: tuple[Literal["Cc"], ...] = ("Cc",)
"""XML holds no control characters."""

HUBSPOT = source_of(
    SourceKind.HUBSPOT,
    SourceMapping(
        stages={"trial": "mql"},
        stage_on_create="lead",
        dispositions={"BAD": DispositionRule(outcome=Outcome.RECYCLED)},
        owners={"1": OwnerRule(name="Kim", user_id="2")},
        attributes={"email": "email", "hs_lead_status": "status"},
        lead_url="https://x.example/{account}/{object}/{id}",
    ),
)
SALESFORCE = source_of(
    SourceKind.SALESFORCE_OUTBOUND_MESSAGE, SourceMapping(stages={"New": "mql"}, attributes={"Company": "company"})
)
PIPEDRIVE = source_of(
    SourceKind.PIPEDRIVE, SourceMapping(stage_on_create="mql", attributes={"title": "name", "value.amount": "value"})
)
RULES = tuple(
    JsonRule(
        type=event_type,
        lead="id",
        id="event",
        occurred_at="at",
        fields={name: name for name in sorted(known.required | known.optional or {"email", "value"})},
    )
    for event_type, known in EVENT_FIELDS.items()
)
JSON = source_of(SourceKind.JSON, SourceMapping(rules=RULES, each="parts || @"))
WEBHOOKS = source_of(SourceKind.STANDARD_WEBHOOKS, SourceMapping(rules=RULES))
CLOUDEVENTS = source_of(SourceKind.CLOUDEVENTS, SourceMapping(rules=RULES))
SOURCES = (HUBSPOT, SALESFORCE, PIPEDRIVE, JSON, WEBHOOKS, CLOUDEVENTS)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["", "REDACTED", "1e999", "2024-02-29T10:00:00Z", "005xx", "0", "-1", "won", "1709200800000"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def objects(words: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have some of the keys, mostly with values of the right sort, sometimes with any."""
    return st.fixed_dictionaries({}, optional={name: values | anything for name, values in words.items()})


ids = st.integers(0, 99) | st.integers(0, 99).map(str)
instants_ms = st.integers(1_600_000_000_000, 1_800_000_000_000)

hubspot_events = objects(
    {
        "eventId": ids,
        "subscriptionId": ids,
        "portalId": st.just(7),
        "occurredAt": st.sampled_from([1_709_200_800_000, 1_709_200_900_000]) | instants_ms,
        "subscriptionType": st.sampled_from(
            [
                f"{prefix}.{verb}"
                for prefix in ("contact", "lead", "deal", "object", "company")
                for verb in ("creation", "propertyChange", "deletion", "privacyDeletion", "merge", "restore", "odd")
            ]
        ),
        "objectTypeId": st.sampled_from(["0-1", "0-3", "0-136", "0-48", "2-5"]),
        "objectId": ids,
        "propertyName": st.sampled_from(
            [
                "lifecyclestage",
                "hs_lead_status",
                "hubspot_owner_id",
                "notes_last_contacted",
                "email",
                "dealstage",
                "amount",
            ]
        ),
        "propertyValue": st.sampled_from(["lead", "trial", "BAD", "1", "", "REDACTED", "1709200800000", "closedwon"]),
        "changeSource": st.sampled_from(["CRM_UI", "IMPORT", "SEQUENCES", "API"]),
        "sourceId": st.sampled_from(["userId:2", "userId:3", "odd"]),
        "primaryObjectId": ids,
        "mergedObjectIds": st.lists(ids, max_size=3),
        "newObjectId": ids,
        "attemptNumber": st.integers(0, 9),
    }
)
sound_hubspot_events = st.fixed_dictionaries(
    {
        "eventId": st.integers(0, 5),
        "subscriptionId": st.integers(0, 1),
        "portalId": st.just(7),
        "occurredAt": st.sampled_from([1_709_200_800_000, 1_709_200_900_000]),
        "subscriptionType": st.sampled_from(["contact.creation", "contact.propertyChange", "contact.deletion"]),
        "objectId": st.integers(1, 3),
        "propertyName": st.sampled_from(["lifecyclestage", "hubspot_owner_id", "notes_last_contacted", "email"]),
        "propertyValue": st.sampled_from(["1709200800000", "lead", "unmapped"]),
        "attemptNumber": st.just(0),
    }
)
pipedrive_records = objects(
    {
        "id": ids,
        "title": st.text(max_size=5),
        "owner_id": ids,
        "user_id": ids | st.fixed_dictionaries({"id": ids}),
        "label_ids": st.lists(st.text(max_size=3), max_size=3),
        "is_archived": st.booleans(),
        "value": st.floats(allow_nan=False, allow_infinity=False) | st.fixed_dictionaries({"amount": ids}),
        "currency": st.just("EUR"),
        "stage_id": ids,
        "status": st.sampled_from(["open", "won", "lost"]),
        "done": st.booleans(),
        "type": st.sampled_from(["call", "task", "fax"]),
        "due_date": st.just("2024-03-01"),
        "due_time": st.sampled_from(["10:00", "25:00"]),
        "marked_as_done_time": st.sampled_from(["2024-02-29 10:00:00", ""]),
        "lead_id": ids,
        "deal_id": ids,
        "person_id": ids,
    }
)
pipedrive_bodies = objects(
    {
        "v": st.just(1),
        "data": pipedrive_records,
        "current": pipedrive_records,
        "previous": pipedrive_records | st.none(),
        "retry": st.integers(0, 3),
        "meta": objects(
            {
                "version": st.sampled_from(["2.0", "1.0"]),
                "v": st.just(1),
                "action": st.sampled_from(["create", "change", "delete", "added", "updated", "deleted", "merged"]),
                "entity": st.sampled_from(["lead", "deal", "person", "activity", "note"]),
                "object": st.sampled_from(["lead", "deal", "person", "activity", "note"]),
                "entity_id": ids,
                "id": ids,
                "company_id": ids,
                "user_id": ids,
                "timestamp": st.sampled_from(["2024-02-29T10:00:00Z", 1_709_200_800]),
                "change_source": st.sampled_from(["app", "api"]),
            }
        ),
    }
)
parts = objects(
    {
        "id": ids,
        "event": ids,
        "at": instants_ms,
        "owner": ids,
        "stage": st.text(max_size=3),
        "amount": st.floats(allow_nan=False, allow_infinity=False),
        "deal": ids,
        "channel": st.sampled_from(["call", "pigeon"]),
        "disposition": st.sampled_from(["recycled", "odd"]),
        "into": ids,
        "specversion": st.just("1.0"),
        "source": st.just("/x"),
        "type": st.sampled_from([*EVENT_FIELDS, "com.example.x"]),
        "subject": ids,
        "time": st.just("2024-02-29T10:00:00Z"),
        "data": anything,
    }
)
salesforce_fields = st.dictionaries(
    st.sampled_from(
        [
            "Id",
            "Status",
            "OwnerId",
            "CreatedDate",
            "LastModifiedDate",
            "Company",
            "IsConverted",
            "ConvertedDate",
            "WhoId",
            "TaskSubtype",
            "ActivityDate",
            "CompletedDateTime",
            "EndDateTime",
            "StageName",
            "Amount",
            "IsWon",
            "IsClosed",
            "MasterRecordId",
        ]
    ),
    st.sampled_from(
        ["New", "true", "false", "2024-02-29", "2024-02-29T10:00:00Z", "00Q000000000001", "0050000000001", ""]
    )
    | st.text(st.characters(codec="ascii", exclude_categories=CONTROL), max_size=6),
    max_size=10,
)


def salesforce_body(kind: str, fields: Mapping[str, str]) -> bytes:
    inner = "".join(f"<sf:{name}>{escape(value)}</sf:{name}>" for name, value in fields.items())
    return (
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound" xmlns:sf="urn:x"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><OrganizationId>00D</OrganizationId>'
        f"<Notification><Id>04l</Id><sObject xsi:type={quoteattr('sf:' + kind)}>{inner}</sObject></Notification>"
        "</notifications>"
    ).encode()


def told(source: Source, body: object, content_type: str = "application/json") -> Translation:
    return translate(raw_of(source, body, headers={"content-type": content_type, "webhook-id": "m"}), source)


def assert_total(source: Source, body: object, content_type: str = "application/json") -> None:
    """Nothing raised, no bug, same again, every event readable, every line printable."""
    result = told(source, body, content_type)
    assert all(one.reason is not FailureReason.BUG for one in result.failures), result.failures
    again = told(source, body, content_type)
    assert [one.event for one in result.steps] == [one.event for one in again.steps]
    for event in result.events:
        assert decode(encode(event)) == event
        assert event.occurred_at.utcoffset() is not None
        assert event.at.utcoffset() is not None
    ids_told = [event.id for event in result.events]
    assert len(ids_told) == len(set(ids_told))
    failed = [one.part for one in result.failures]
    assert len(failed) == len(set(failed))
    assert presented(result)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.kind)
@PROPERTY
@given(body=st.binary(max_size=200))
def test_any_bytes_are_translated_or_fail_with_a_reason(source: Source, body: bytes) -> None:
    assert_total(source, body)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.kind)
@PROPERTY
@given(body=anything)
def test_any_json_is_translated_or_fails_with_a_reason(source: Source, body: object) -> None:
    assert_total(source, body)


@PROPERTY
@given(body=st.lists(hubspot_events, max_size=6))
def test_any_hubspot_like_batch_is_translated_or_fails_with_a_reason(body: object) -> None:
    assert_total(HUBSPOT, body)


@PROPERTY
@given(body=pipedrive_bodies)
def test_any_pipedrive_like_body_is_translated_or_fails_with_a_reason(body: object) -> None:
    assert_total(PIPEDRIVE, body)


@PROPERTY
@given(body=st.lists(parts, max_size=3) | parts)
def test_any_parts_go_through_every_rule(body: object) -> None:
    assert_total(JSON, body)
    assert_total(WEBHOOKS, body)


@PROPERTY
@given(body=st.lists(parts, max_size=3))
def test_any_cloudevents_like_batch_is_translated_or_fails_with_a_reason(body: list[object]) -> None:
    assert_total(CLOUDEVENTS, body, "application/cloudevents-batch+json")
    for one in body:
        assert_total(CLOUDEVENTS, one, "application/cloudevents+json")


@PROPERTY
@given(kind=st.sampled_from(["Lead", "Contact", "Opportunity", "Task", "Event", "Case"]), fields=salesforce_fields)
def test_any_salesforce_record_is_translated_or_fails_with_a_reason(kind: str, fields: Mapping[str, str]) -> None:
    assert_total(SALESFORCE, salesforce_body(kind, fields))


@PROPERTY
@given(batch=st.lists(sound_hubspot_events, max_size=12), data=st.data())
def test_the_order_of_a_batch_changes_no_event(batch: list[dict[str, Any]], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(batch))
    first, second = told(HUBSPOT, batch), told(HUBSPOT, shuffled)
    assert {one.id for one in first.events} == {one.id for one in second.events}
    by_id = {one.id: one for one in second.events}
    for event in first.events:
        other = by_id[event.id]
        assert (event.lead, event.at, type(event)) == (other.lead, other.at, type(other))
    assert len(first.failures) == len(second.failures)


@PROPERTY
@given(batch=st.lists(sound_hubspot_events, max_size=8), attempt=st.integers(1, 9))
def test_a_redelivery_gives_the_same_ids(batch: list[dict[str, Any]], attempt: int) -> None:
    again = [{**event, "attemptNumber": attempt} for event in batch]
    assert [one.id for one in told(HUBSPOT, batch).events] == [one.id for one in told(HUBSPOT, again).events]


@PROPERTY
@given(batch=st.lists(sound_hubspot_events, min_size=1, max_size=8), place=st.integers(0, 7), bad=anything)
def test_a_bad_event_never_touches_its_neighbours(batch: list[dict[str, Any]], place: int, bad: object) -> None:
    with_bad = [*batch[:place], {"portalId": 7, "odd": bad}, *batch[place:]]
    expected = {one.id for one in told(HUBSPOT, batch).events}
    result = told(HUBSPOT, with_bad)
    assert {one.id for one in result.events} == expected
    assert min(place, len(batch)) in {one.part for one in result.failures}


@PROPERTY
@given(batch=st.lists(sound_hubspot_events, min_size=2, max_size=8), at=st.integers(0, 8))
def test_it_does_not_matter_how_changes_are_batched(batch: list[dict[str, Any]], at: int) -> None:
    whole = {one.id for one in told(HUBSPOT, batch).events}
    split = {one.id for half in (batch[:at], batch[at:]) for one in told(HUBSPOT, half).events}
    assert whole == split


def learned(source: Source) -> Source:
    """The same source with a mapping that knows more and contradicts nothing."""
    mapping = source.mapping
    more = msgspec.structs.replace(
        mapping,
        stages={**mapping.stages, "unmapped": "sql", "a": "mql", "": "lead"},
        dispositions={**mapping.dispositions, "b": DispositionRule(outcome=Outcome.RECYCLED)},
        attributes={**mapping.attributes, "lastname": "last_name", "currency": "currency"},
    )
    return msgspec.structs.replace(source, mapping=more)


@PROPERTY
@given(batch=st.lists(sound_hubspot_events, max_size=8), body=pipedrive_bodies)
def test_a_mapping_that_learned_more_tells_all_it_told_before_under_the_same_ids(
    batch: list[dict[str, Any]], body: object
) -> None:
    for source, sent in ((HUBSPOT, batch), (PIPEDRIVE, body)):
        before, after = told(source, sent), told(learned(source), sent)
        lasting = {one.id for one in before.events if not isinstance(one, LeadAttributesChanged)}
        assert lasting <= {one.id for one in after.events}
        by_id = {one.id: one for one in after.events}
        assert all(by_id.get(one.id, one) == one for one in before.events)


@PROPERTY
@given(body=st.binary(max_size=300), received=st.datetimes(timezones=st.just(UTC)))
def test_a_raw_request_travels_whole(body: bytes, received: datetime) -> None:
    request = raw_of(JSON, body, received_at=received)
    back = raw_request.decode(raw_request.encode(request))
    assert (back.id, back.body, back.received_at) == (request.id, request.body, request.received_at)


@PROPERTY
@given(
    session=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20),
    form=st.sampled_from(
        ["<SessionId>{}</SessionId>", "<SessionId a='>'>{}</SessionId>", "<x:SessionId xmlns:x='u'>{}</x:SessionId>"]
    ),
)
def test_no_session_id_survives(session: str, form: str) -> None:
    marked = f"MARK{session}MARK"
    body = salesforce_body("Lead", {"Id": "1"}).replace(
        b"<Notification>", form.format(escape(marked)).encode() + b"<Notification>"
    )
    try:
        before = parse(body)
    except UnreadableMessage:
        return
    cleaned = without_session_id(body)
    assert b"MARK" not in cleaned
    assert parse(cleaned) == before
