"""Acceptance: from a person's owning a qualified lead to a yes or no, by ten on the next business day."""

import pytest

from sla_engine.domain.obligation import State
from tests.support.shipped_agreements import ANA, BEN, POOL, new_lead, owned_lead, runs, shipped, told_with_delay
from tests.support.story_builder import Lead

PACT = shipped("acceptance")
MONDAY = "2026-03-02 15:00"


def test_it_starts_when_both_hold_and_is_due_at_ten_on_the_next_business_day() -> None:
    lead = new_lead()
    lead.stage("2026-03-02 12:00")
    lead.owner("2026-03-02 13:00", POOL)
    lead.owner("2026-03-06 15:00", ANA)  # a Friday
    (found,) = runs(lead, PACT, "2026-03-06 16:00", "acceptance")
    assert found.started_at == lead.instant("2026-03-06 15:00")
    assert found.deadline == lead.instant("2026-03-09 10:00"), "on Monday"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda lead, at: lead.accepted(at), id="accepted"),
        pytest.param(lambda lead, at: lead.rejected(at), id="rejected"),
        pytest.param(lambda lead, at: lead.disposed(at, "disqualified"), id="disqualified"),
        pytest.param(lambda lead, at: lead.disposed(at, "recycled"), id="recycled"),
        pytest.param(lambda lead, at: lead.converted(at), id="converted"),
        pytest.param(lambda lead, at: lead.stage(at, "sal"), id="made a SAL"),
        pytest.param(lambda lead, at: lead.stage(at, "sql"), id="made an SQL"),
    ],
)
def test_any_answer_stops_it_even_one_that_ends_the_stay(answer: object) -> None:
    lead = owned_lead(MONDAY)
    answer(lead, "2026-03-03 10:00")  # type: ignore[operator] # one of the functions above
    (found,) = runs(lead, PACT, "2026-03-03 12:00", "acceptance")
    assert (found.state, found.stopped_at) == (State.MET, found.deadline)


def test_a_microsecond_after_the_limit_is_late() -> None:
    lead = owned_lead(MONDAY)
    lead.accepted("2026-03-03 10:00:00.000001")
    assert runs(lead, PACT, "2026-03-03 12:00", "acceptance")[0].state is State.MET_LATE


@pytest.mark.parametrize(
    "no_answer",
    [
        pytest.param(lambda lead, at: lead.stage(at, "lead"), id="sent back by moving the stage"),
        pytest.param(lambda lead, at: lead.merged(at), id="merged away"),
        pytest.param(lambda lead, at: lead.deleted(at), id="deleted"),
    ],
)
def test_what_ends_the_stay_without_an_answer_cancels_it(no_answer: object) -> None:
    lead = owned_lead(MONDAY)
    no_answer(lead, "2026-03-02 16:00")  # type: ignore[operator] # one of the functions above
    assert runs(lead, PACT, "2026-03-04 12:00", "acceptance")[0].state is State.CANCELLED


def test_a_touch_is_no_answer() -> None:
    lead = owned_lead(MONDAY)
    lead.touch("2026-03-02 15:30", by="7101")
    assert runs(lead, PACT, "2026-03-02 16:00", "acceptance")[0].state is State.ON_TRACK


def test_a_lead_that_is_a_sal_already_is_answered_in_no_time() -> None:
    (found,) = runs(owned_lead(MONDAY, stage="sal"), PACT, "2026-03-02 16:00", "acceptance")
    assert (found.state, found.business_us) == (State.MET, 0)


def test_a_new_owner_has_the_whole_time() -> None:
    lead = owned_lead(MONDAY)
    lead.owner("2026-03-03 09:30", BEN)
    (found,) = runs(lead, PACT, "2026-03-03 11:00", "acceptance")
    assert found.deadline == lead.instant("2026-03-04 10:00")
    assert [each.holder.id for each in found.holders] == ["ana", "ben"]


def test_a_new_owner_after_the_deadline_changes_nothing() -> None:
    lead = owned_lead(MONDAY)
    lead.owner("2026-03-03 10:30", BEN)
    (found,) = runs(lead, PACT, "2026-03-03 11:00", "acceptance")
    assert found.breach is not None
    assert (found.breach.holder.id, found.deadline) == ("ana", lead.instant("2026-03-03 10:00"))


def test_it_starts_anew_when_a_lead_that_was_sent_back_returns() -> None:
    lead = owned_lead(MONDAY)
    lead.disposed("2026-03-03 09:30", "recycled")
    lead.stage("2026-03-10 09:00")
    assert [each.cycle for each in runs(lead, PACT, "2026-03-10 09:30", "acceptance")] == [1, 2]


def _late_answer() -> Lead:
    lead = owned_lead(MONDAY)
    lead.accepted("2026-03-03 09:59")
    return lead


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_order_of_arrival_does_not_matter(order: tuple[int, ...]) -> None:
    lead, sorted_ = _late_answer(), _late_answer()
    lead.events = [sorted_.events[place] for place in order] * 2
    assert runs(lead, PACT, "2026-03-03 12:00", "acceptance") == runs(sorted_, PACT, "2026-03-03 12:00", "acceptance")


def test_an_answer_told_after_the_alarm_takes_it_back() -> None:
    said = told_with_delay(_late_answer(), PACT, "2026-03-03 12:00", 2, minutes=45)
    assert said == ["acceptance.at_risk", "acceptance.breached", "acceptance.retracted", "acceptance.met"]
