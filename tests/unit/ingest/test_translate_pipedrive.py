"""Pipedrive v2 and v1: the public shapes retyped with invented ids, and what they become."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ingest.domain.sources import (
    ActivityRule,
    DealStageRule,
    DispositionRule,
    FieldMap,
    Outcome,
    OwnerRule,
    Source,
    SourceKind,
    SourceMapping,
)
from ingest.domain.translate import translate
from ingest.domain.translation import FailureReason, Translation
from shared.events.envelope import ActorKind, ChangeOrigin, Channel, Owner, OwnerKind
from shared.events.lead import (
    DealCreated,
    DealLost,
    DealReopened,
    DealStageChanged,
    DealWon,
    LeadAssigned,
    LeadAttributesChanged,
    LeadCreated,
    LeadDeleted,
    LeadDisposed,
    LeadStageChanged,
    TouchLogged,
)
from tests.support.ingest_sources import RECEIVED_AT, raw_of, source_of

LEAD_ID = "5f1c0a30-7b2d-11ef-8a01-0b7f3d0e9c11"
LEAD = f"pipedrive:9100200:lead:{LEAD_ID}"
AT = datetime(2024, 2, 29, 15, 37, 20, 391_000, tzinfo=UTC)
HOT = "0c0ffee0-0000-4000-8000-000000000001"

MAPPING = SourceMapping(
    stage_on_create="mql",
    stages={HOT: "sql"},
    owners={"11500": OwnerRule(name="Noor Haddad", team="desk"), "11900": OwnerRule(kind=OwnerKind.TEAM, name="Pool")},
    activities={
        "demo": ActivityRule(channel=Channel.MEETING),
        "memo": ActivityRule(channel=Channel.NOTE, touch=False),
        "talk": ActivityRule(channel=Channel.CALL, outcome="connected"),
    },
    attributes={"title": "name", "value.amount": "value"},
    deal_stages={"427": DealStageRule(stage="qualified"), "428": DealStageRule(stage="proposal")},
)
SOURCE = source_of(SourceKind.PIPEDRIVE, MAPPING)


def meta(action: str, entity: str, entity_id: str, **changes: object) -> dict[str, object]:
    return {
        "action": action,
        "company_id": "9100200",
        "correlation_id": "e2a5b7c0-1111-4222-8333-444455556666",
        "entity_id": entity_id,
        "entity": entity,
        "id": "77aa88bb-1111-4222-8333-9900aabbccdd",
        "is_bulk_edit": False,
        "timestamp": "2024-02-29T15:37:20.391Z",
        "type": "general",
        "user_id": "11500",
        "version": "2.0",
        "webhook_id": "5600100",
        "webhook_owner_id": "11900",
        "change_source": "app",
        "permitted_user_ids": ["11500"],
        "attempt": 1,
        "host": "example.pipedrive.com",
    } | changes


def lead_data(**changes: object) -> dict[str, object]:
    return {
        "add_time": "2024-02-29T15:35:58.675Z",
        "channel": None,
        "creator_id": 11500,
        "custom_fields": {},
        "id": LEAD_ID,
        "is_archived": False,
        "label_ids": [HOT, "4a5149be-0000-4000-8000-2eb328eebfe8"],
        "organization_id": 2,
        "origin": "ManuallyCreated",
        "owner_id": 11500,
        "person_id": 11,
        "title": "Roof of the library",
        "update_time": "2024-02-29T15:37:20.386Z",
        "value": {"amount": 500, "currency": "EUR"},
        "was_seen": True,
    } | changes


def deal_data(**changes: object) -> dict[str, object]:
    return {
        "currency": "EUR",
        "custom_fields": {},
        "id": 31,
        "label_ids": [],
        "lost_reason": None,
        "owner_id": 11500,
        "person_id": 11,
        "pipeline_id": 50,
        "stage_change_time": "2024-02-29T15:37:20Z",
        "stage_id": 428,
        "status": "open",
        "title": "Roof",
        "value": 112,
    } | changes


def lead(action: str = "create", previous: object = None, **changes: object) -> Translation:
    body = {"data": lead_data(**changes), "previous": previous, "meta": meta(action, "lead", LEAD_ID)}
    return told(body)


def deal(action: str = "change", previous: object = None, **changes: object) -> Translation:
    return told({"data": deal_data(**changes), "previous": previous, "meta": meta(action, "deal", "31")})


def told(body: object, *, source: Source = SOURCE) -> Translation:
    return translate(raw_of(source, body), source)


def only(result: Translation) -> Any:  # noqa: ANN401 - each test says which type
    assert result.failures == ()
    assert len(result.events) == 1, result
    return result.events[0]


def kinds(result: Translation) -> list[type]:
    assert result.failures == ()
    return [type(one) for one in result.events]


class TestLead:
    def test_a_new_lead_is_created_qualified_labelled_assigned_and_described(self) -> None:
        result = lead()
        assert kinds(result) == [
            LeadCreated,
            LeadStageChanged,
            LeadStageChanged,
            LeadAssigned,
            LeadAttributesChanged,
        ]
        created, first, labelled, assigned, attributes = result.events
        assert {(one.lead, one.account, one.occurred_at) for one in result.events} == {(LEAD, "9100200", AT)}
        assert created.origin is ChangeOrigin.USER
        assert created.actor is not None
        assert (created.actor.kind, created.actor.name) == (ActorKind.USER, "Noor Haddad")
        assert (getattr(first, "stage", ""), getattr(labelled, "stage", "")) == ("mql", "sql")
        assert first.id != labelled.id
        assert getattr(assigned, "owner", None) == Owner(
            kind=OwnerKind.USER, id="11500", name="Noor Haddad", team="desk"
        )
        assert getattr(attributes, "attributes", {}) == {"name": "Roof of the library", "value": 500}
        assert [one.what for one in result.ignored] == ["label '4a5149be-0000-4000-8000-2eb328eebfe8'"]

    def test_a_change_tells_only_what_changed(self) -> None:
        assert only(lead("change", {"owner_id": 11900})).owner.name == "Noor Haddad"
        assert only(lead("change", {"value": {"amount": 300, "currency": "EUR"}})).attributes == {"value": 500}
        assert kinds(lead("change", {"update_time": "2024-02-29T15:35:58.675Z", "next_activity_id": 4})) == []

    def test_only_labels_that_were_added_count(self) -> None:
        assert only(lead("change", {"label_ids": []})).stage == "sql"
        assert kinds(lead("change", {"label_ids": [HOT]})) == []

    def test_a_mapping_that_learned_another_label_leaves_the_ids_of_the_known_ones(self) -> None:
        other = "4a5149be-0000-4000-8000-2eb328eebfe8"
        learned = msgspec.structs.replace(MAPPING, stages={other: "sal", **MAPPING.stages}, stage_on_create="lead")
        body = {"data": lead_data(label_ids=[other, HOT]), "previous": None, "meta": meta("create", "lead", LEAD_ID)}

        def ids(mapping: SourceMapping) -> dict[str, str]:
            result = told(body, source=source_of(SourceKind.PIPEDRIVE, mapping))
            return {one.raw_stage: one.id for one in result.events if isinstance(one, LeadStageChanged)}

        before, after = ids(MAPPING), ids(learned)
        assert set(after) == {"lead", HOT, other}
        assert after[HOT] == before[HOT]
        assert len(set(after.values()) | set(before.values())) == 4

    def test_archiving_is_a_disposition_and_taking_back_starts_anew(self) -> None:
        archived = only(lead("change", {"is_archived": False}, is_archived=True))
        assert isinstance(archived, LeadDisposed)
        assert (archived.disposition, archived.reason) == ("recycled", "archived")
        assert only(lead("change", {"is_archived": True})).stage == "mql"

    def test_the_mapping_may_name_the_archive(self) -> None:
        mapping = SourceMapping(dispositions={"archived": DispositionRule(outcome=Outcome.DISQUALIFIED)})
        body = {
            "data": lead_data(is_archived=True),
            "previous": {"is_archived": False},
            "meta": meta("change", "lead", LEAD_ID),
        }
        assert only(told(body, source=source_of(SourceKind.PIPEDRIVE, mapping))).disposition == "disqualified"

    def test_a_lead_without_owner_is_unassigned(self) -> None:
        assert only(lead("change", {"owner_id": 11500}, owner_id=None)).owner is None

    def test_a_deleted_lead(self) -> None:
        body = {"data": None, "previous": lead_data(), "meta": meta("delete", "lead", LEAD_ID)}
        found = only(told(body))
        assert isinstance(found, LeadDeleted)
        assert found.lead == LEAD

    def test_a_redelivery_has_the_same_ids(self) -> None:
        def ids(attempt: int) -> list[str]:
            body = {"data": lead_data(), "previous": None, "meta": meta("create", "lead", LEAD_ID, attempt=attempt)}
            return [one.id for one in told(body).events]

        assert ids(1) == ids(4)


class TestPerson:
    def test_a_person_is_a_lead_of_its_own_without_a_stage(self) -> None:
        data = {"id": 8, "name": "Sample", "owner_id": 11500, "label_ids": [], "emails": [], "label": None}
        result = told({"data": data, "previous": None, "meta": meta("create", "person", "8")})
        assert kinds(result) == [LeadCreated, LeadAssigned]
        assert result.events[0].lead == "pipedrive:9100200:person:8"


class TestDeal:
    def test_a_new_deal(self) -> None:
        result = deal("create")
        assert kinds(result) == [DealCreated, LeadAssigned, LeadAttributesChanged]
        created = result.events[0]
        assert isinstance(created, DealCreated)
        assert (created.deal, created.amount, created.currency) == ("pipedrive:9100200:deal:31", "112", "EUR")
        assert (created.stage, created.raw_stage) == ("proposal", "428")

    def test_a_stage_change(self) -> None:
        found = only(deal(previous={"stage_id": 427}))
        assert isinstance(found, DealStageChanged)
        assert (found.stage, found.raw_stage, found.amount) == ("proposal", "428", "112")

    def test_an_unmapped_stage_is_a_failure_that_hides_nothing_else(self) -> None:
        result = deal(previous={"stage_id": 427, "status": "open"}, stage_id=999, status="won")
        assert [one.reason for one in result.failures] == [FailureReason.UNMAPPED_DEAL_STAGE]
        assert [type(one) for one in result.events] == [DealWon]

    def test_won_lost_and_open_again(self) -> None:
        lost = only(deal(previous={"status": "open"}, status="lost", lost_reason="price"))
        assert isinstance(only(deal(previous={"status": "open"}, status="won")), DealWon)
        assert isinstance(lost, DealLost)
        assert lost.reason == "price"
        assert isinstance(only(deal(previous={"status": "won"})), DealReopened)

    @pytest.mark.parametrize("digits", ["17.51", "0.10", "1234567890123456789.01", "100", "1E+2"])
    def test_amounts_keep_every_digit(self, digits: str) -> None:
        body = json.dumps(
            {
                "data": {"id": 31, "status": "won", "value": "DIGITS"},
                "previous": {"status": "open"},
                "meta": meta("change", "deal", "31"),
            }
        ).replace('"DIGITS"', digits)
        assert only(told(body)).amount == ("100" if digits == "1E+2" else digits)

    def test_a_deal_belongs_to_the_lead_that_a_field_names(self) -> None:
        source = source_of(SourceKind.PIPEDRIVE, SourceMapping(fields=FieldMap(deal_lead="custom_fields.lead")))
        body = {
            "data": deal_data(status="won", custom_fields={"lead": LEAD_ID}),
            "previous": {"status": "open", "owner_id": 1},
            "meta": meta("change", "deal", "31"),
        }
        assert only(told(body, source=source)).lead == LEAD


class TestActivity:
    def told(self, action: str = "create", previous: object = None, **changes: object) -> Translation:
        data = {
            "active_flag": True,
            "add_time": "2024-02-29T15:25:44Z",
            "deal_id": 31,
            "done": False,
            "due_date": "2024-03-01",
            "due_time": None,
            "id": 2,
            "lead_id": None,
            "owner_id": 11500,
            "person_id": 10,
            "subject": "Call with friends",
            "type": "meeting",
            "update_time": "2024-02-29T15:25:44Z",
        } | changes
        body = {
            "data": None if action == "delete" else data,
            "previous": data if action == "delete" else previous,
            "meta": meta(action, "activity", "2"),
        }
        return told(body)

    def touch(self, action: str = "create", previous: object = None, **changes: object) -> TouchLogged:
        found = only(self.told(action, previous, **changes))
        assert isinstance(found, TouchLogged)
        return found

    def test_what_is_planned_is_no_touch_yet(self) -> None:
        found = self.touch()
        assert (found.channel, found.completed) == (Channel.MEETING, False)
        assert found.performed_at == datetime(2024, 3, 1, tzinfo=UTC)
        assert found.lead == "pipedrive:9100200:deal:31"

    def test_what_is_done_was_performed_when_it_was_marked_so(self) -> None:
        found = self.touch("change", {"done": False}, done=True, marked_as_done_time="2024-02-29 15:30:00")
        assert (found.completed, found.performed_at) == (True, datetime(2024, 2, 29, 15, 30, tzinfo=UTC))
        assert self.touch(done=True).performed_at == datetime(2024, 2, 29, 15, 25, 44, tzinfo=UTC)
        assert found.performed_by is not None
        assert found.performed_by.name == "Noor Haddad"

    def test_planned_and_done_are_one_touch(self) -> None:
        assert self.touch().touch == self.touch("change", done=True).touch

    def test_an_activity_moved_to_another_lead_no_longer_counts_where_it_was(self) -> None:
        result = self.told("change", {"lead_id": "the-other"}, lead_id=LEAD_ID, done=True)
        here, there = result.events
        assert isinstance(here, TouchLogged)
        assert isinstance(there, TouchLogged)
        assert (here.lead, here.completed) == (LEAD, True)
        assert (there.lead, there.completed) == ("pipedrive:9100200:lead:the-other", False)
        assert here.touch == there.touch
        assert here.id != there.id

    def test_a_deleted_activity_no_longer_counts(self) -> None:
        assert not self.touch("delete", done=True).completed

    def test_it_belongs_to_the_lead_before_the_deal_before_the_person(self) -> None:
        assert self.touch(lead_id=LEAD_ID).lead == LEAD
        assert self.touch(deal_id=None).lead == "pipedrive:9100200:person:10"

    def test_one_about_nobody_and_one_that_is_no_touch_are_ignored(self) -> None:
        for result in (self.told(deal_id=None, person_id=None), self.told(type="memo")):
            assert (result.events, result.failures, len(result.ignored)) == ((), (), 1)

    def test_types_of_the_tenant_are_mapped_and_unknown_ones_are_no_known_channel(self) -> None:
        assert self.touch(type="demo").channel is Channel.MEETING
        assert self.touch(type="talk").outcome == "connected"
        assert self.touch(type="call").outcome is None
        assert self.touch(type="fax").channel is Channel.OTHER


class TestV1:
    """Version 1: `previous` is the whole old record, times are naive UTC, the timestamp is in seconds."""

    def body(self, *, retry: int = 0, **changes: object) -> dict[str, object]:
        record = {
            "id": 21,
            "user_id": 11500,
            "person_id": 904,
            "stage_id": 427,
            "title": "Old roof",
            "value": 17.51,
            "currency": "EUR",
            "add_time": "2015-10-13 16:28:04",
            "status": "open",
            "active": True,
        }
        return {
            "v": 1,
            "meta": {
                "v": 1,
                "action": "updated",
                "object": "deal",
                "id": 21,
                "company_id": 9100200,
                "user_id": 11500,
                "host": "example.pipedrive.com",
                "timestamp": 1444755162,
            },
            "retry": retry,
            "current": record | {"status": "won", "won_time": "2015-10-13 16:52:42", "active": False} | changes,
            "previous": record,
            "event": "updated.deal",
        }

    def test_only_what_differs_from_the_old_record_is_told(self) -> None:
        found = only(told(self.body()))
        assert isinstance(found, DealWon)
        assert (found.amount, found.currency) == ("17.51", "EUR")
        assert found.occurred_at == datetime(2015, 10, 13, 16, 52, 42, tzinfo=UTC)
        assert found.lead == "pipedrive:9100200:deal:21"

    def test_a_redelivery_has_the_same_id_and_another_change_in_that_second_another(self) -> None:
        first = only(told(self.body())).id
        assert only(told(self.body(retry=2))).id == first
        assert only(told(self.body(won_time="2015-10-13 16:52:43"))).id != first

    def test_a_done_activity(self) -> None:
        body = self.body()
        body["current"] = {"id": 5, "type": "call", "done": True, "user_id": 11500, "deal_id": 21} | {
            "marked_as_done_time": "2015-10-13 16:50:00"
        }
        body["previous"] = None
        body["meta"] = meta("added", "activity", "5") | {"v": 1, "object": "activity", "id": 5, "version": None}
        found = only(told(body))
        assert isinstance(found, TouchLogged)
        assert found.performed_at == datetime(2015, 10, 13, 16, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", FailureReason.MALFORMED_BODY),
        (b"[]", FailureReason.MALFORMED_PART),
        (b"{}", FailureReason.MALFORMED_PART),
        (b'{"meta": {"action": 5}}', FailureReason.MALFORMED_PART),
        (b'{"meta": {"action": "change", "version": "3.0"}}', FailureReason.MALFORMED_BODY),
        (b'{"meta": {"action": "change", "version": "2.0"}}', FailureReason.MALFORMED_PART),
    ],
)
def test_what_is_no_pipedrive_webhook_fails_as_a_whole(body: bytes, reason: FailureReason) -> None:
    result = translate(raw_of(SOURCE, body), SOURCE)
    assert [(one.part, one.reason) for one in result.failures] == [(None, reason)]


@pytest.mark.parametrize("entity", ["note", "organization", "product", "user"])
def test_other_entities_are_ignored(entity: str) -> None:
    data = {"id": 1, "user_id": 11500, "deal_id": 31, "content": "Deal note", "active_flag": True}
    result = told({"data": data, "previous": None, "meta": meta("create", entity, "1")})
    assert (result.events, result.failures, len(result.ignored)) == ((), (), 1)


def test_a_webhook_without_a_time_takes_that_of_its_receipt() -> None:
    body = {"data": lead_data(), "previous": {"owner_id": 1}, "meta": meta("change", "lead", LEAD_ID, timestamp=None)}
    assert only(told(body)).occurred_at == RECEIVED_AT


def test_another_company_than_the_configured_one_is_refused() -> None:
    source = source_of(SourceKind.PIPEDRIVE, MAPPING, account="1")
    body = {"data": lead_data(), "previous": None, "meta": meta("create", "lead", LEAD_ID)}
    assert [one.reason for one in told(body, source=source).failures] == [FailureReason.WRONG_ACCOUNT]
