"""Next touch: no more than three business days between two touches, until it is said what became of the lead."""

import itertools

from sla_engine.domain.obligation import State
from tests.support.shipped_agreements import BEN, owned_lead, runs, shipped, told
from tests.support.story_builder import Lead

PACT = shipped("next_touch")


def _worked() -> Lead:
    lead = owned_lead("2026-03-02 09:00")
    for at in ("2026-03-02 10:00", "2026-03-04 11:00", "2026-03-06 15:00"):
        lead.touch(at, by="7101")
    return lead


def test_before_the_first_touch_nothing_is_due() -> None:
    assert runs(owned_lead("2026-03-02 09:00"), PACT, "2026-03-20 09:00", "next_touch") == []


def test_each_touch_keeps_a_round_and_begins_the_next() -> None:
    lead = _worked()
    found = runs(lead, PACT, "2026-03-06 16:00", "next_touch")
    assert [(each.round, each.state) for each in found] == [(1, State.MET), (2, State.MET), (3, State.ON_TRACK)]
    assert [each.started_at for each in found] == [
        lead.instant("2026-03-02 10:00"),
        lead.instant("2026-03-04 11:00"),
        lead.instant("2026-03-06 15:00"),
    ]
    assert [each.deadline for each in found] == [
        lead.instant("2026-03-05 10:00"),
        lead.instant("2026-03-09 11:00"),
        lead.instant("2026-03-11 15:00"),
    ]
    assert len({each.id for each in found}) == 3


def test_a_gap_that_was_too_long_is_late_and_the_next_round_begins_all_the_same() -> None:
    lead = owned_lead("2026-03-02 09:00")
    lead.touch("2026-03-02 10:00", by="7101")
    lead.touch("2026-03-05 10:00:00.000001", by="7101")
    assert [each.state for each in runs(lead, PACT, "2026-03-05 11:00", "next_touch")] == [
        State.MET_LATE,
        State.ON_TRACK,
    ]


def test_a_disposition_ends_it_and_a_later_touch_begins_anew_while_the_lead_stays() -> None:
    lead = _worked()
    lead.disposed("2026-03-09 10:00", "qualified")
    assert runs(lead, PACT, "2026-03-20 09:00", "next_touch")[-1].state is State.MET
    lead.touch("2026-03-10 10:00", by="7101")
    last = runs(lead, PACT, "2026-03-10 11:00", "next_touch")[-1]
    assert (last.round, last.state) == (4, State.ON_TRACK)


def test_a_closing_disposition_leaves_nothing_due() -> None:
    lead = _worked()
    lead.disposed("2026-03-09 10:00", "disqualified")
    lead.touch("2026-03-10 10:00", by="7101")
    assert [each.state for each in runs(lead, PACT, "2026-03-20 09:00", "next_touch")] == [State.MET] * 3


def test_rejection_and_the_end_of_the_stay_cancel_it() -> None:
    rejected, moved = _worked(), _worked()
    rejected.rejected("2026-03-09 10:00")
    moved.stage("2026-03-09 10:00", "customer")
    for lead in (rejected, moved):
        assert runs(lead, PACT, "2026-03-20 09:00", "next_touch")[-1].state is State.CANCELLED


def test_of_two_touches_in_one_instant_the_second_ends_the_first_round_in_no_time() -> None:
    lead = owned_lead("2026-03-02 09:00")
    lead.touch("2026-03-02 10:00", by="7101")
    lead.touch("2026-03-02 10:00", by="7102")
    found = runs(lead, PACT, "2026-03-02 11:00", "next_touch")
    assert [(each.round, each.state, each.wall_us > 0) for each in found] == [
        (1, State.MET, False),
        (2, State.ON_TRACK, True),
    ]


def test_a_new_owner_holds_the_running_round() -> None:
    lead = _worked()
    lead.owner("2026-03-09 09:00", BEN)
    assert [each.holder.id for each in runs(lead, PACT, "2026-03-09 10:00", "next_touch")[-1].holders] == ["ana", "ben"]


def test_a_touch_that_is_heard_of_late_renumbers_the_rounds_whatever_the_order() -> None:
    in_order = _worked()
    expected = runs(in_order, PACT, "2026-03-06 16:00", "next_touch")
    for order in itertools.permutations(in_order.events):
        lead = _worked()
        lead.events = [*order, *order[:2]]
        assert runs(lead, PACT, "2026-03-06 16:00", "next_touch") == expected


def test_a_round_that_is_missed_is_announced_and_the_next_touch_closes_it() -> None:
    lead = owned_lead("2026-03-02 09:00")
    lead.touch("2026-03-02 10:00", by="7101")
    lead.touch("2026-03-05 12:00", by="7101")
    said = told(lead, PACT, "2026-03-05 13:00")
    assert said == ["next_touch.at_risk", "next_touch.breached", "next_touch.met_late"]
