"""JSON of any shape and Standard Webhooks: JMESPath rules, and every event they can give."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ingest.domain.sources import (
    ActivityRule,
    DealStageRule,
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
from shared.events.envelope import Channel, Direction, OwnerKind, TimeSource
from shared.events.lead import (
    DealLost,
    DealReopened,
    LeadAccepted,
    LeadAttributesChanged,
    LeadConverted,
    LeadCreated,
    LeadDeleted,
    LeadMerged,
    LeadRejected,
    LeadStageChanged,
    TouchLogged,
)
from tests.support.ingest_sources import RECEIVED_AT, raw_of, source_of

AT = datetime(2024, 2, 29, 10, tzinfo=UTC)


def source(*rules: JsonRule, kind: SourceKind = SourceKind.JSON, **mapping: Any) -> Source:  # noqa: ANN401 - any part
    return source_of(kind, SourceMapping(rules=rules, **mapping), name="site", account="acme")


def told(configured: Source, body: object, headers: dict[str, str] | None = None) -> Translation:
    return translate(raw_of(configured, body, headers=headers), configured)


def only(event_type: str, fields: Mapping[str, str], part: Mapping[str, object], **mapping: Any) -> Any:  # noqa: ANN401 - each test says which type
    rule = JsonRule(type=event_type, lead="lead", fields=fields)
    result = told(source(rule, **mapping), {"lead": "L-1", **part})
    assert result.failures == ()
    assert len(result.events) == 1, result
    return result.events[0]


def test_a_rule_says_when_who_and_what() -> None:
    rule = JsonRule(
        type="lead.created",
        when="kind == 'signup' && score >= `80`",
        lead="person.id",
        id="id",
        occurred_at="at",
        fields={"name": "person.name", "campaign": '_headers."x-campaign"', "url": "link"},
    )
    body = {"kind": "signup", "score": 81.5, "id": 5, "at": "2024-02-29T11:00:00+01:00", "link": "https://x.example"}
    person = {"person": {"id": 77, "name": "Ada"}}
    found = told(source(rule), body | person, {"content-type": "application/json", "x-campaign": "spring"}).events[0]
    assert isinstance(found, LeadCreated)
    assert (found.lead, found.account, found.url) == ("site:acme:lead:77", "acme", "https://x.example")
    assert (found.occurred_at, found.time_source) == (AT, TimeSource.EVENT)
    assert found.attributes == {"name": "Ada", "campaign": "spring"}


def test_a_part_no_rule_applies_to_is_ignored() -> None:
    result = told(source(JsonRule(type="lead.deleted", when="gone", lead="id")), {"id": 1, "gone": False})
    assert (result.events, result.failures) == ((), ())
    assert "`when`" in result.ignored[0].why


def test_all_rules_that_apply_tell() -> None:
    rules = (
        JsonRule(type="lead.created", lead="id"),
        JsonRule(type="lead.stage_changed", lead="id", fields={"stage": "'hot'"}),
    )
    result = told(source(*rules, stages={"hot": "mql"}), {"id": 1})
    assert [type(one) for one in result.events] == [LeadCreated, LeadStageChanged]


@pytest.mark.parametrize(
    ("each", "body", "leads"),
    [
        (None, {"id": 1}, ["1"]),
        (None, [{"id": 1}, {"id": 2}], ["1", "2"]),
        ("events", {"events": [{"id": 3}, {"id": 4}]}, ["3", "4"]),
        ("events", {"events": {"id": 5}}, ["5"]),
        ("events", {"other": 1}, []),
    ],
)
def test_each_selects_the_parts(each: str | None, body: object, leads: list[str]) -> None:
    result = told(source(JsonRule(type="lead.created", lead="id"), each=each), body)
    assert [one.lead.rpartition(":")[2] for one in result.events] == leads


def test_a_part_that_fails_fails_alone() -> None:
    result = told(source(JsonRule(type="lead.created", lead="id")), [{"id": 1}, {"id": None}, 5, {"id": 2}])
    assert len(result.events) == 2
    assert [one.part for one in result.failures] == [1, 2]


@pytest.mark.parametrize(
    "instant", ["2024-02-29T10:00:00Z", "2024-02-29 10:00:00", 1709200800, 1709200800000, "1709200800", 1709200800.0]
)
def test_instants_may_be_text_seconds_or_milliseconds(instant: object) -> None:
    rule = JsonRule(type="lead.created", lead="id", occurred_at="at")
    assert told(source(rule), {"id": 1, "at": instant}).events[0].occurred_at == AT


@pytest.mark.parametrize("instant", ["soon", True, {}, "1e999", "9" * 40, -(10**30)])
def test_what_is_no_instant_is_a_failure(instant: object) -> None:
    rule = JsonRule(type="lead.created", lead="id", occurred_at="at")
    assert [one.reason for one in told(source(rule), {"id": 1, "at": instant}).failures] == [
        FailureReason.MALFORMED_TIME
    ]


def test_without_an_instant_that_of_receipt_is_taken() -> None:
    found = told(source(JsonRule(type="lead.created", lead="id", occurred_at="at")), {"id": 1}).events[0]
    assert (found.occurred_at, found.time_source) == (RECEIVED_AT, TimeSource.RECEIVED)


def test_ids_come_from_the_rule_or_from_the_content() -> None:
    by_rule = source(JsonRule(type="lead.created", lead="lead", id="id"))
    by_content = source(JsonRule(type="lead.created", lead="lead"))

    def first_id(configured: Source, **part: object) -> str:
        return told(configured, {"lead": 1, **part}).events[0].id

    assert first_id(by_rule, id=5, try_=1) == first_id(by_rule, id=5, try_=2)
    assert first_id(by_rule, id=5) != first_id(by_rule, id=6)
    assert first_id(by_content, a=1, b=2) == first_id(by_content, b=2, a=1)
    assert first_id(by_content, a=1) != first_id(by_content, a=2)


def test_standard_webhooks_name_their_messages() -> None:
    configured = source(JsonRule(type="lead.created", lead="lead"), kind=SourceKind.STANDARD_WEBHOOKS)

    def first_id(message: str, body: object) -> str:
        return told(configured, body, {"webhook-id": message}).events[0].id

    assert first_id("msg_1", {"lead": 1}) == first_id("msg_1", {"lead": 1, "attempt": 2})
    assert first_id("msg_1", {"lead": 1}) != first_id("msg_2", {"lead": 1})


def test_an_expression_that_fails_on_a_part_is_a_failure_of_the_part() -> None:
    result = told(source(JsonRule(type="lead.created", lead="join('-', id)")), {"id": 7})
    assert [one.reason for one in result.failures] == [FailureReason.RULE_FAILED]
    assert "mapping.rules[0].lead" in result.failures[0].detail


def test_functions_of_numbers_take_exact_ones() -> None:
    rule = JsonRule(
        type="lead.created", lead="lead", fields={"total": "sum(items[].price)", "most": "max(items[].price)"}
    )
    found = told(source(rule), {"lead": 1, "items": [{"price": 0.1}, {"price": 0.2}]}).events[0]
    assert isinstance(found, LeadCreated)
    assert found.attributes == {"total": "0.3", "most": "0.2"}


class TestEveryEvent:
    def test_attributes_keep_scalars_and_write_anything_else_as_json(self) -> None:
        found = only(
            "lead.attributes_changed",
            {"a": "a", "b": "b", "c": "c", "d": "d", "e": "missing"},
            {"a": True, "b": 2.50, "c": ["x"], "d": 2**80},
        )
        assert isinstance(found, LeadAttributesChanged)
        assert found.attributes == {"a": True, "b": "2.5", "c": '["x"]', "d": str(2**80), "e": None}
        assert msgspec.json.decode(msgspec.json.encode(found))["attributes"]["d"] == str(2**80)

    def test_a_stage_goes_through_the_mapping(self) -> None:
        assert only("lead.stage_changed", {"stage": "s"}, {"s": "hot"}, stages={"hot": "mql"}).stage == "mql"
        rejected = {"cold": DispositionRule(outcome=Outcome.REJECTED)}
        found = only("lead.stage_changed", {"stage": "s"}, {"s": "cold"}, dispositions=rejected)
        assert isinstance(found, LeadRejected)

    def test_an_unmapped_stage_is_a_failure(self) -> None:
        rule = JsonRule(type="lead.stage_changed", lead="lead", fields={"stage": "s"})
        result = told(source(rule), {"lead": 1, "s": "warm"})
        assert [one.reason for one in result.failures] == [FailureReason.UNMAPPED_STAGE]

    def test_an_owner_goes_through_the_mapping_and_null_is_nobody(self) -> None:
        owners = {"9": OwnerRule(kind=OwnerKind.TEAM, name="Desk")}
        assert only("lead.assigned", {"owner": "o"}, {"o": 9}, owners=owners).owner.name == "Desk"
        assert only("lead.assigned", {"owner": "o"}, {"o": None}).owner is None

    def test_accepted_rejected_and_disposed(self) -> None:
        assert isinstance(only("lead.accepted", {}, {}), LeadAccepted)
        assert only("lead.rejected", {"reason": "why"}, {"why": "spam"}).reason == "spam"
        assert only("lead.disposed", {"disposition": "d"}, {"d": "recycled"}).disposition == "recycled"
        mapped = {"d": DispositionRule(outcome=Outcome.QUALIFIED, reason="fits")}
        found = only("lead.disposed", {"disposition": "'d'", "reason": "r"}, {"r": "said so"}, dispositions=mapped)
        assert (found.disposition, found.reason) == ("qualified", "said so")

    def test_an_unknown_disposition_is_a_failure(self) -> None:
        rule = JsonRule(type="lead.disposed", lead="lead", fields={"disposition": "'lost in space'"})
        assert [one.reason for one in told(source(rule), {"lead": 1}).failures] == [FailureReason.UNMAPPED_STAGE]

    def test_converted_merged_and_deleted_name_other_records_by_key(self) -> None:
        converted = only("lead.converted", {"contact": "c", "deal": "d"}, {"c": 4})
        assert isinstance(converted, LeadConverted)
        assert (converted.contact, converted.deal) == ("site:acme:contact:4", None)
        merged = only("lead.merged", {"into": "i"}, {"i": "L-2"})
        assert isinstance(merged, LeadMerged)
        assert merged.into == "site:acme:lead:L-2"
        deleted = only("lead.deleted", {"privacy": "p"}, {"p": True})
        assert isinstance(deleted, LeadDeleted)
        assert deleted.privacy

    def test_a_touch_in_our_own_words(self) -> None:
        fields = {
            "touch": "call.id",
            "channel": "'call'",
            "direction": "call.way",
            "performed_at": "call.at",
            "performed_by": "call.by",
            "completed": "call.ok",
            "outcome": "call.end",
        }
        call = {"id": 3, "way": "inbound", "at": 1709200800, "by": 12, "ok": False, "end": "no answer"}
        found = only("touch.logged", fields, {"call": call})
        assert isinstance(found, TouchLogged)
        assert (found.touch, found.channel, found.direction) == ("3", Channel.CALL, Direction.INBOUND)
        assert (found.performed_at, found.completed, found.outcome) == (AT, False, "no answer")
        assert found.performed_by is not None
        assert found.performed_by.id == "12"

    @pytest.mark.parametrize(("raw", "outcome"), [("reached", "connected"), ("busy", "busy"), ("", None)])
    def test_what_a_call_came_to_is_said_in_our_words_where_the_mapping_has_one(
        self, raw: str, outcome: str | None
    ) -> None:
        fields = {"channel": "'call'", "outcome": "end"}
        found = only("touch.logged", fields, {"end": raw}, outcomes={"reached": "connected"})
        assert isinstance(found, TouchLogged)
        assert found.outcome == outcome

    def test_a_touch_through_the_mapping(self) -> None:
        activities = {
            "visita": ActivityRule(channel=Channel.MEETING),
            "memo": ActivityRule(channel=Channel.NOTE, touch=False),
        }
        assert (
            only("touch.logged", {"activity": "a"}, {"a": "visita"}, activities=activities).channel is Channel.MEETING
        )
        rule = JsonRule(type="touch.logged", lead="lead", fields={"activity": "'memo'"})
        assert told(source(rule, activities=activities), {"lead": 1}).events == ()

    def test_a_touch_without_a_word_is_another_and_an_odd_word_a_failure(self) -> None:
        assert only("touch.logged", {}, {}).channel is Channel.OTHER
        rule = JsonRule(type="touch.logged", lead="lead", fields={"channel": "'pigeon'"})
        assert [one.reason for one in told(source(rule), {"lead": 1}).failures] == [FailureReason.RULE_FAILED]

    def test_deals_keep_the_digits_of_their_amount(self) -> None:
        stages = {"2": DealStageRule(stage="proposal")}
        fields = {"deal": "d", "amount": "a", "currency": "c", "stage": "s"}
        part = {"d": 8, "a": 17.51, "c": "EUR", "s": 2}
        for event_type in ("deal.created", "deal.stage_changed"):
            found = only(event_type, fields, part, deal_stages=stages)
            assert (found.deal, found.amount, found.currency, found.stage, found.raw_stage) == (
                "site:acme:deal:8",
                "17.51",
                "EUR",
                "proposal",
                "2",
            )
        money = {"deal": "d", "amount": "a"}
        assert only("deal.won", money, part).amount == "17.51"
        assert isinstance(only("deal.lost", money | {"reason": "'price'"}, part), DealLost)
        assert isinstance(only("deal.reopened", money, part), DealReopened)
