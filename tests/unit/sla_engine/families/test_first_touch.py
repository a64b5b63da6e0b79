"""First touch: from a person's owning a qualified lead to the first real attempt to reach it. Demos 15m, else 2h."""

import pytest

from shared.events.envelope import Channel, Direction
from sla_engine.domain.obligation import State
from tests.support.shipped_agreements import BEN, owned_lead, runs, shipped, told, told_with_delay

PACT = shipped("first_touch")
MORNING = "2026-03-02 10:00"


def test_a_touch_at_the_limit_is_in_time_and_one_after_it_late() -> None:
    for touched, state in (("2026-03-02 12:00", State.MET), ("2026-03-02 12:00:00.000001", State.MET_LATE)):
        lead = owned_lead(MORNING)
        lead.touch(touched, by="7101")
        (found,) = runs(lead, PACT, "2026-03-02 14:00", "first_touch")
        assert (found.state, found.deadline) == (state, lead.instant("2026-03-02 12:00"))


@pytest.mark.parametrize(
    "no_touch",
    [{"direction": Direction.INBOUND}, {"completed": False}, {"automated": True}, {"channel": Channel.NOTE}],
    ids=["inbound", "planned", "automated", "a note"],
)
def test_what_is_no_touch_does_not_stop_it(no_touch: dict[str, object]) -> None:
    lead = owned_lead(MORNING)
    lead.touch("2026-03-02 10:30", **no_touch)  # type: ignore[arg-type] # one keyword of several
    assert runs(lead, PACT, "2026-03-02 10:40", "first_touch")[0].state is State.ON_TRACK


def test_a_demo_request_is_due_sooner() -> None:
    lead = owned_lead(MORNING)
    lead.created("2026-03-02 09:59", {"intent": "demo"})
    (found,) = runs(lead, PACT, "2026-03-02 10:01", "first_touch")
    assert (found.segment, found.deadline) == ("Demo requests", lead.instant("2026-03-02 10:15"))


def test_rejection_cancels_it_unless_a_touch_comes_in_the_same_instant() -> None:
    sent_back = owned_lead(MORNING)
    sent_back.rejected("2026-03-02 10:30", "no budget")
    (found,) = runs(sent_back, PACT, "2026-03-02 10:40", "first_touch")
    assert (found.state, found.reason) == (State.CANCELLED, "rejected by sales: no budget")
    called = owned_lead(MORNING)
    called.rejected("2026-03-02 10:30", "no budget")
    called.touch("2026-03-02 10:30", by="7101")
    assert runs(called, PACT, "2026-03-02 10:40", "first_touch")[0].state is State.MET


def test_what_one_owner_used_stays_used() -> None:
    lead = owned_lead(MORNING)
    lead.owner("2026-03-02 11:30", BEN)
    (found,) = runs(lead, PACT, "2026-03-02 13:00", "first_touch")
    assert found.deadline == lead.instant("2026-03-02 12:00")
    assert found.breach is not None
    assert found.breach.holder.id == "ben"


def test_a_second_touch_starts_nothing_and_a_new_stay_does() -> None:
    lead = owned_lead(MORNING)
    lead.touch("2026-03-02 10:30", by="7101")
    lead.touch("2026-03-02 11:30", by="7101")
    lead.disposed("2026-03-03 09:00", "recycled")
    lead.stage("2026-03-09 09:00")
    found = runs(lead, PACT, "2026-03-09 09:05", "first_touch")
    assert [(each.cycle, each.round, each.state) for each in found] == [(1, 1, State.MET), (2, 1, State.ON_TRACK)]


def test_warnings_then_the_alarm_and_late_news_takes_it_back() -> None:
    lead = owned_lead(MORNING)
    warned = ["first_touch.at_risk", "first_touch.at_risk", "first_touch.breached"]
    assert told(lead, PACT, "2026-03-02 13:00") == warned
    lead.touch("2026-03-02 11:59", by="7101")
    late = told_with_delay(lead, PACT, "2026-03-02 13:00", 2, minutes=5)
    assert late == [*warned, "first_touch.retracted", "first_touch.met"]
    in_time = told_with_delay(lead, PACT, "2026-03-02 13:00", 2, minutes=1)
    assert in_time == ["first_touch.at_risk", "first_touch.at_risk", "first_touch.met"], "before it had settled"
