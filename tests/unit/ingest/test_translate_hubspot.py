"""HubSpot: every shape of event that is public, retyped with invented ids, and what it becomes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.domain.sources import (
    DealStageRule,
    DispositionRule,
    FieldMap,
    Outcome,
    OwnerRule,
    Source,
    SourceKind,
    SourceMapping,
    TouchProperty,
)
from ingest.domain.translate import translate
from ingest.domain.translation import FailureReason, Translation
from shared.events.envelope import Actor, ActorKind, ChangeOrigin, Channel, Direction, Owner, OwnerKind, TimeSource
from shared.events.lead import (
    DealCreated,
    DealLost,
    DealStageChanged,
    DealWon,
    LeadAccepted,
    LeadAssigned,
    LeadAttributesChanged,
    LeadCreated,
    LeadDeleted,
    LeadDisposed,
    LeadMerged,
    LeadRejected,
    LeadStageChanged,
    TouchLogged,
)
from tests.support.ingest_sources import RECEIVED_AT, raw_of, source_of

AT_MS = 1_709_200_800_250
AT = datetime(2024, 2, 29, 10, 0, 0, 250_000, tzinfo=UTC)
LEAD = "hubspot:424242:contact:7001"

MAPPING = SourceMapping(
    stages={"trial": "mql", "salesqualifiedlead": "sal", "other": None},
    dispositions={
        "UNQUALIFIED": DispositionRule(outcome=Outcome.DISQUALIFIED, reason="poor fit"),
        "WORKING": DispositionRule(outcome=Outcome.ACCEPTED),
        "BAD_TIMING": DispositionRule(outcome=Outcome.RECYCLED),
        "SENT_BACK": DispositionRule(outcome=Outcome.REJECTED),
    },
    owners={
        "501": OwnerRule(name="Kim Duarte", team="north", user_id="9501"),
        "502": OwnerRule(kind=OwnerKind.QUEUE, name="Inbound"),
    },
    attributes={"email": "email", "firstname": "first_name", "passport_number": "passport"},
    deal_stages={"demo_done": DealStageRule(stage="proposal")},
    lead_url="https://app.example.com/contacts/{account}/record/{object}/{id}",
)
SOURCE = source_of(SourceKind.HUBSPOT, MAPPING)


def event(subscription: str = "contact.propertyChange", **changes: object) -> dict[str, object]:
    """One event as HubSpot delivers it; `None` takes a key out."""
    whole: dict[str, object] = {
        "eventId": 3100200300,
        "subscriptionId": 880011,
        "portalId": 424242,
        "appId": 515151,
        "occurredAt": AT_MS,
        "subscriptionType": subscription,
        "attemptNumber": 0,
        "objectId": 7001,
        "changeSource": "CRM_UI",
        "sourceId": "userId:9501",
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def changed(name: str, value: str, **changes: object) -> dict[str, object]:
    return event() | {"propertyName": name, "propertyValue": value} | changes


def told(*events: Mapping[str, object], source: Source = SOURCE) -> Translation:
    return translate(raw_of(source, list(events)), source)


def only(*events: Mapping[str, object], source: Source = SOURCE) -> Any:  # noqa: ANN401 - each test says which type
    """The one event that comes of it."""
    result = told(*events, source=source)
    assert result.failures == ()
    assert len(result.events) == 1, result
    return result.events[0]


def test_the_envelope_says_whose_when_from_where_and_by_whom() -> None:
    found = only(event("contact.creation", changeFlag="CREATED"))
    assert isinstance(found, LeadCreated)
    assert (found.source, found.account, found.lead) == ("crm", "424242", LEAD)
    assert (found.occurred_at, found.time_source, found.received_at) == (AT, TimeSource.EVENT, RECEIVED_AT)
    assert found.actor == Actor(kind=ActorKind.USER, id="501", name="Kim Duarte")
    assert found.origin is ChangeOrigin.USER
    assert found.url == "https://app.example.com/contacts/424242/record/contact/7001"
    assert len(found.id) == 32


def test_a_batch_with_one_instant_and_the_creation_last_gives_every_event_at_that_instant() -> None:
    result = told(
        changed("lifecyclestage", "marketingqualifiedlead", eventId=1),
        changed("hubspot_owner_id", "501", eventId=2),
        changed("email", "kim@customer.example", eventId=3),
        changed("notes_last_contacted", str(AT_MS), eventId=4),
        event("contact.creation", eventId=5, changeFlag="CREATED"),
    )
    assert [type(one) for one in result.events] == [
        LeadStageChanged,
        LeadAssigned,
        LeadAttributesChanged,
        TouchLogged,
        LeadCreated,
    ]
    assert {one.occurred_at for one in result.events} == {AT}
    assert {one.lead for one in result.events} == {LEAD}
    assert len({one.id for one in result.events}) == 5


def test_stages_go_through_the_mapping_first_and_hubspots_own_then() -> None:
    own = only(changed("lifecyclestage", "marketingqualifiedlead"))
    assert isinstance(own, LeadStageChanged)
    assert (own.stage, own.raw_stage) == ("mql", "marketingqualifiedlead")
    assert only(changed("lifecyclestage", "salesqualifiedlead")).stage == "sal"
    assert only(changed("lifecyclestage", "trial")).stage == "mql"


def test_a_stage_nobody_mapped_is_a_failure_that_says_the_cure() -> None:
    result = told(changed("lifecyclestage", "1234567"))
    assert result.events == ()
    assert result.failures[0].reason is FailureReason.UNMAPPED_STAGE
    assert "mapping.stages" in result.failures[0].detail


def test_a_stage_of_no_interest_and_a_cleared_one_are_ignored() -> None:
    result = told(changed("lifecyclestage", "other"), changed("lifecyclestage", ""))
    assert (result.events, result.failures) == ((), ())
    assert len(result.ignored) == 2


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("UNQUALIFIED", (LeadDisposed, "disqualified", "poor fit")),
        ("BAD_TIMING", (LeadDisposed, "recycled", "BAD_TIMING")),
        ("SENT_BACK", (LeadRejected, None, "SENT_BACK")),
        ("WORKING", (LeadAccepted, None, None)),
    ],
)
def test_lead_statuses_are_dispositions(status: str, expected: tuple[type, str | None, str | None]) -> None:
    found = only(changed("hs_lead_status", status))
    assert (type(found), getattr(found, "disposition", None), getattr(found, "reason", None)) == expected


def test_a_lead_status_may_be_a_stage_and_an_unknown_one_says_nothing() -> None:
    assert only(changed("hs_lead_status", "trial")).stage == "mql"
    assert told(changed("hs_lead_status", "OPEN")).events == ()


def test_owners_are_named_by_the_mapping() -> None:
    found = only(changed("hubspot_owner_id", "501"))
    assert isinstance(found, LeadAssigned)
    assert found.owner == Owner(kind=OwnerKind.USER, id="501", name="Kim Duarte", team="north")
    assert only(changed("hubspot_owner_id", "502")).owner.kind is OwnerKind.QUEUE
    assert only(changed("hubspot_owner_id", "777")).owner == Owner(kind=OwnerKind.USER, id="777")


def test_an_empty_owner_unassigns() -> None:
    assert only(changed("hubspot_owner_id", "")).owner is None


def test_a_roll_up_of_activities_is_a_touch_when_it_was_performed() -> None:
    found = only(changed("hs_last_logged_call_date", str(AT_MS - 60_000)))
    assert isinstance(found, TouchLogged)
    assert (found.channel, found.direction, found.completed, found.automated) == (
        Channel.CALL,
        Direction.OUTBOUND,
        True,
        False,
    )
    assert found.performed_at == AT - timedelta(seconds=60)
    assert found.at == found.performed_at
    assert found.performed_by == Actor(kind=ActorKind.USER, id="501", name="Kim Duarte")


def test_two_roll_ups_of_one_activity_are_one_touch() -> None:
    performed = str(AT_MS - 60_000)
    first, second = told(
        changed("hs_last_logged_call_date", performed, eventId=1), changed("notes_last_contacted", performed, eventId=2)
    ).events
    assert isinstance(first, TouchLogged)
    assert isinstance(second, TouchLogged)
    assert first.touch == second.touch
    assert first.id != second.id


def test_a_sequences_mail_is_automated_and_nobodys() -> None:
    found = only(changed("notes_last_contacted", str(AT_MS), changeSource="SEQUENCES", sourceId="enrollment:5"))
    assert found.automated
    assert found.performed_by is None


def test_a_counter_touches_when_it_changed_if_the_mapping_says_so() -> None:
    mapping = SourceMapping(
        touch_properties={"num_contacted_notes": TouchProperty(channel=Channel.CALL, value="count")}
    )
    found = only(changed("num_contacted_notes", "4"), source=source_of(SourceKind.HUBSPOT, mapping))
    assert found.performed_at == AT


def test_the_leads_own_engagement_is_no_touch() -> None:
    assert told(changed("hs_last_sales_activity_timestamp", str(AT_MS))).events == ()


def test_a_cleared_roll_up_is_no_touch_and_an_odd_one_a_failure() -> None:
    assert told(changed("notes_last_contacted", "")).events == ()
    assert told(changed("notes_last_contacted", "yesterday")).failures[0].reason is FailureReason.MALFORMED_TIME


def test_mapped_properties_are_attributes_and_others_are_not_kept() -> None:
    found = only(changed("firstname", "Ada"))
    assert isinstance(found, LeadAttributesChanged)
    assert found.attributes == {"first_name": "Ada"}
    assert only(changed("email", "")).attributes == {"email": None}
    ignored = told(changed("hs_marketable_status", "false"))
    assert ignored.events == ()
    assert "mapping.attributes" in ignored.ignored[0].why


def test_redacted_values_are_left_out_and_needed_ones_fail() -> None:
    assert told(changed("passport_number", "REDACTED")).events == ()
    assert told(changed("national_id", "REDACTED")).failures == ()
    assert told(changed("hubspot_owner_id", "REDACTED")).failures[0].reason is FailureReason.REDACTED


def test_deletions_and_privacy_deletions() -> None:
    assert not only(event("contact.deletion")).privacy
    found = only(event("contact.privacyDeletion"))
    assert isinstance(found, LeadDeleted)
    assert found.privacy


def test_a_merge_is_told_on_each_losing_key() -> None:
    result = told(
        event("contact.merge", objectId=None, primaryObjectId=7001, mergedObjectIds=[7002, 7003], newObjectId=7001)
    )
    assert all(isinstance(one, LeadMerged) for one in result.events)
    assert [(one.lead, getattr(one, "into", "")) for one in result.events] == [
        ("hubspot:424242:contact:7002", LEAD),
        ("hubspot:424242:contact:7003", LEAD),
    ]


def test_a_merge_into_a_new_record_loses_the_primary_too() -> None:
    result = told(event("contact.merge", primaryObjectId=7001, mergedObjectIds=[7002], newObjectId=7010))
    assert {(one.lead, getattr(one, "into", "")) for one in result.events} == {
        (LEAD, "hubspot:424242:contact:7010"),
        ("hubspot:424242:contact:7002", "hubspot:424242:contact:7010"),
    }


@pytest.mark.parametrize(
    "unwanted",
    [
        event("contact.associationChange", fromObjectId=7001, toObjectId=1, associationType="CONTACT_TO_COMPANY"),
        event("company.creation"),
        event("ticket.propertyChange", propertyName="x", propertyValue="y"),
        event("object.creation", objectTypeId="2-990011", changeFlag="CREATED"),
        event("object.deletion", objectTypeId="2-990011", changeSource="CRM_UI_BULK_ACTION"),
        event("object.creation", objectTypeId="0-48"),
    ],
)
def test_what_says_nothing_of_a_promise_is_ignored_and_says_why(unwanted: Mapping[str, object]) -> None:
    result = told(unwanted)
    assert (result.events, result.failures) == ((), ())
    assert result.ignored[0].why


def test_generic_events_name_the_object_by_its_type_id() -> None:
    contact = only(changed("email", "a@b.example", subscriptionType="object.propertyChange", objectTypeId="0-1"))
    assert contact.lead == LEAD
    lead = only(event("object.creation", objectTypeId="0-136", objectId=88))
    assert lead.lead == "hubspot:424242:lead:88"
    stage = only(changed("hs_pipeline_stage", "trial", subscriptionType="object.propertyChange", objectTypeId="0-136"))
    assert stage.stage == "mql"


def test_the_old_key_event_type_is_understood() -> None:
    old = event("contact.creation", subscriptionType=None, sourceId=None, changeSource="IMPORT")
    found = only(old | {"eventType": "contact.creation"})
    assert (found.origin, found.actor) == (ChangeOrigin.IMPORT, None)


def test_the_test_button_sends_one_object_without_an_array() -> None:
    body = event("contact.creation", eventId=100, changeSource="CRM", changeFlag="NEW", sourceId=None)
    assert len(translate(raw_of(SOURCE, body), SOURCE).events) == 1


@pytest.mark.parametrize(
    ("change_source", "origin", "actor"),
    [
        ("AUTOMATION_PLATFORM", ChangeOrigin.WORKFLOW, ActorKind.AUTOMATION),
        ("INTEGRATION", ChangeOrigin.INTEGRATION, ActorKind.INTEGRATION),
        ("API", ChangeOrigin.API, ActorKind.INTEGRATION),
        ("MERGE_OBJECTS", ChangeOrigin.MERGE, None),
        ("ACADEMY", ChangeOrigin.UNKNOWN, None),
    ],
)
def test_the_change_source_tells_the_origin(change_source: str, origin: ChangeOrigin, actor: ActorKind | None) -> None:
    found = only(event("contact.creation", changeSource=change_source, sourceId="enrollmentId:4"))
    assert found.origin is origin
    assert (found.actor.kind if found.actor else None) is actor


def test_a_workflow_stays_automation_even_where_it_names_a_user() -> None:
    found = only(
        changed("notes_last_contacted", str(AT_MS), changeSource="AUTOMATION_PLATFORM", sourceId="userId:9501")
    )
    assert found.actor == Actor(kind=ActorKind.AUTOMATION, id="userId:9501")
    assert (found.performed_by, found.automated) == (None, True)


def test_deals_have_keys_of_their_own() -> None:
    deal = "hubspot:424242:deal:66"
    created = only(event("deal.creation", objectId=66))
    assert isinstance(created, DealCreated)
    assert (created.lead, created.deal) == (deal, deal)
    moved = only(changed("dealstage", "demo_done", subscriptionType="deal.propertyChange", objectId=66))
    assert isinstance(moved, DealStageChanged)
    assert (moved.stage, moved.raw_stage) == ("proposal", "demo_done")


def test_closing_stages_of_deals_win_and_lose() -> None:
    won = told(changed("dealstage", "closedwon", subscriptionType="deal.propertyChange", objectId=66))
    lost = told(changed("dealstage", "closedlost", subscriptionType="deal.propertyChange", objectId=66))
    assert [type(one) for one in won.events] == [DealStageChanged, DealWon]
    assert [type(one) for one in lost.events] == [DealStageChanged, DealLost]


def test_an_amount_keeps_its_digits() -> None:
    amount = changed("amount", "1234567890.10", subscriptionType="deal.propertyChange", objectId=66)
    assert only(amount).attributes == {"amount": "1234567890.10"}


def test_an_unmapped_deal_stage_fails_only_where_deal_stages_are_mapped() -> None:
    moved = changed("dealstage", "9988", subscriptionType="deal.propertyChange", objectId=66)
    assert told(moved).failures[0].reason is FailureReason.UNMAPPED_DEAL_STAGE
    bare = told(moved, source=source_of(SourceKind.HUBSPOT))
    assert (bare.events, bare.failures) == ((), ())


def test_one_bad_event_in_a_hundred_fails_alone() -> None:
    events = [changed("email", f"{number}@x.example", eventId=number) for number in range(99)]
    events.insert(40, event(objectId=None))
    result = told(*events)
    assert len(result.events) == 99
    assert [(one.part, one.reason) for one in result.failures] == [(40, FailureReason.MALFORMED_PART)]
    assert "[40].objectId" in result.failures[0].detail


def test_more_than_a_hundred_events_are_not_from_hubspot() -> None:
    result = told(*[event("contact.creation", eventId=number) for number in range(101)])
    assert [(one.part, one.reason) for one in result.failures] == [(None, FailureReason.TOO_MANY_PARTS)]


def test_a_redelivery_gives_the_same_ids_and_any_other_difference_another() -> None:
    first = only(changed("email", "a@b.example"))
    assert only(changed("email", "a@b.example", attemptNumber=7)).id == first.id
    differing = [
        changed("email", "a@b.example", eventId=1),
        changed("email", "a@b.example", subscriptionId=1),
        changed("email", "a@b.example", occurredAt=AT_MS + 1),
        changed("email", "a@b.example", objectId=1),
        changed("email", "c@b.example"),
        changed("firstname", "a@b.example"),
    ]
    assert len({first.id, *(only(one).id for one in differing)}) == 7


def test_the_same_event_twice_in_a_request_counts_once() -> None:
    result = told(changed("email", "a@b.example"), changed("email", "a@b.example", attemptNumber=1))
    assert len(result.events) == 1
    assert "twice" in result.ignored[0].why


def test_another_portal_than_the_configured_one_is_refused() -> None:
    source = source_of(SourceKind.HUBSPOT, MAPPING, account="1")
    assert told(event("contact.creation"), source=source).failures[0].reason is FailureReason.WRONG_ACCOUNT


def test_an_event_without_a_time_takes_that_of_its_receipt() -> None:
    found = only(event("contact.creation", occurredAt=None))
    assert (found.occurred_at, found.time_source) == (RECEIVED_AT, TimeSource.RECEIVED)


def test_fields_may_be_others_than_hubspots() -> None:
    mapping = SourceMapping(stages={"hot": "mql"}, fields=FieldMap(stage="funnel", owner="bdr"), stage_on_create="lead")
    source = source_of(SourceKind.HUBSPOT, mapping)
    assert only(changed("funnel", "hot"), source=source).stage == "mql"
    assert only(changed("bdr", "5"), source=source).owner.id == "5"
    assert [type(one) for one in told(event("contact.creation"), source=source).events] == [
        LeadCreated,
        LeadStageChanged,
    ]


@pytest.mark.parametrize("body", [b"", b"{", b'"text"', b"7", b"null", b"\xff", b"[" * 5000])
def test_a_body_that_is_no_array_of_events_fails_as_a_whole(body: bytes) -> None:
    result = translate(raw_of(SOURCE, body), SOURCE)
    assert [(one.part, one.reason) for one in result.failures] == [(None, FailureReason.MALFORMED_BODY)]
