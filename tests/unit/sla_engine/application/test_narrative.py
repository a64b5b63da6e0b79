"""Every kind of fact has a sentence, with people's names where the agreement knows them."""

from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from shared.events.envelope import ActorKind, Channel, Direction, OwnerKind
from shared.events.lead import LeadEvent
from sla_engine.adapters.metrics import LEAD_EVENT_TYPES
from sla_engine.application.gauges import windows
from sla_engine.application.narrative import narrate
from sla_engine.application.reading import Window
from sla_engine.domain import facts
from sla_engine.domain.facts import AnyFact
from tests.support.engine_stack import pact

SENTENCES: list[tuple[AnyFact, str]] = [
    (facts.Created(0, "e"), "Created in the CRM"),
    (facts.Created(0, "e", {"name": "Ada", "size": 3}), "Created in the CRM: name Ada, size 3"),
    (
        facts.Attributes(0, "e", {f"f{number}": number for number in range(8)}),
        "Details changed: f0 0, f1 1, f2 2, f3 3, f4 4, f5 5 and 2 more",
    ),
    (facts.Stage(0, "e", "mql", "MQL"), "Stage became MQL"),
    (facts.Stage(0, "e", "mql", "Marketing ready"), "Stage became MQL (Marketing ready in the CRM)"),
    (facts.Assigned(0, "e"), "Owner removed"),
    (facts.Assigned(0, "e", OwnerKind.USER, "u-max", "M."), "Assigned to Max Muster"),
    (facts.Assigned(0, "e", OwnerKind.USER, "u-7", "Nora New"), "Assigned to Nora New"),
    (facts.Assigned(0, "e", OwnerKind.QUEUE, "q-1", "Inbound"), "Assigned to queue Inbound"),
    (
        facts.Touch(
            0, "e", "t", Channel.CALL, Direction.OUTBOUND, by_kind=ActorKind.USER, by_id="u-eva", outcome="busy"
        ),
        "Outbound call by Eva Example: busy",
    ),
    (
        facts.Touch(0, "e", "t", Channel.EMAIL, Direction.OUTBOUND, by_kind=ActorKind.AUTOMATION),
        "Outbound email, by automation",
    ),
    (
        facts.Touch(0, "e", "t", Channel.MEETING, Direction.UNKNOWN, completed=False, by_id="u-max"),
        "Meeting by Max Muster, planned only",
    ),
    (facts.Accepted(0, "e", "u-max"), "Accepted by sales by Max Muster"),
    (facts.Rejected(0, "e", "no budget"), "Rejected by sales: no budget"),
    (facts.Disposed(0, "e", "recycled"), "Disposition recycled"),
    (facts.Converted(0, "e", deal="d-1"), "Converted into deal d-1"),
    (facts.Merged(0, "e", "crm:acc:2"), "Merged into crm:acc:2"),
    (facts.Deleted(0, "e", privacy=True), "Deleted in the CRM at the person's request"),
    (facts.Deal(0, "e", "deal.won", "d-1", "1200.00", "EUR"), "Deal won, 1200.00 EUR"),
]


@pytest.mark.parametrize(("fact", "sentence"), SENTENCES)
def test_a_fact_reads_as_a_sentence(fact: AnyFact, sentence: str) -> None:
    assert narrate(fact, pact(), "crm") == sentence


def test_every_kind_of_fact_is_among_them() -> None:
    assert {type(fact) for fact, _ in SENTENCES} == set(get_args(AnyFact))


def test_every_type_of_event_reads_0_before_the_first() -> None:
    types = {str(each.__struct_config__.tag) for each in get_args(LeadEvent)}
    assert types == set(LEAD_EVENT_TYPES)


def test_the_period_begins_with_the_month_of_the_agreements_zone() -> None:
    now = datetime(2024, 3, 31, 23, 30, tzinfo=UTC)
    assert windows(now, ZoneInfo("UTC"))[Window.PERIOD] == datetime(2024, 3, 1, tzinfo=UTC)
    assert windows(now, ZoneInfo("Europe/Berlin"))[Window.PERIOD] == datetime(2024, 3, 31, 22, 0, tzinfo=UTC)
