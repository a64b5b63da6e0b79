"""Disposition: within five business days of a person's owning the lead it is said what became of it."""

from collections.abc import Callable

import pytest

from sla_engine.domain.obligation import State
from tests.support.shipped_agreements import ANA, BEN, owned_lead, runs, shipped, told
from tests.support.story_builder import Lead

PACT = shipped("disposition")
START = "2026-03-02 09:00"
LIMIT = "2026-03-06 17:00"


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(lambda lead, at: lead.disposed(at, "qualified"), id="qualified as a prospect"),
        pytest.param(lambda lead, at: lead.disposed(at, "disqualified", "poor fit"), id="no fit"),
        pytest.param(lambda lead, at: lead.disposed(at, "recycled"), id="sent back to nurture"),
        pytest.param(lambda lead, at: lead.rejected(at), id="rejected"),
        pytest.param(lambda lead, at: lead.converted(at), id="converted"),
        pytest.param(lambda lead, at: lead.stage(at, "sql"), id="made an SQL"),
        pytest.param(lambda lead, at: lead.stage(at, "opportunity"), id="moved on"),
        pytest.param(lambda lead, at: lead.stage(at, "lead"), id="moved back"),
    ],
)
def test_every_way_of_saying_it_stops_the_clock_up_to_the_limit(say: Callable[[Lead, str], object]) -> None:
    lead, late = owned_lead(START), owned_lead(START)
    say(lead, LIMIT)
    say(late, f"{LIMIT}:00.000001")
    (found,) = runs(lead, PACT, "2026-03-09 10:00", "disposition")
    assert (found.state, found.deadline) == (State.MET, lead.instant(LIMIT))
    assert runs(late, PACT, "2026-03-09 10:00", "disposition")[0].state is State.MET_LATE


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(lambda lead, at: lead.stage(at, "sal"), id="accepted only"),
        pytest.param(lambda lead, at: lead.touch(at, by="7101"), id="called only"),
        pytest.param(lambda lead, at: lead.owner(at, BEN), id="handed on"),
    ],
)
def test_what_says_nothing_of_the_lead_does_not_stop_it(say: Callable[[Lead, str], object]) -> None:
    lead = owned_lead(START)
    say(lead, "2026-03-03 10:00")
    assert runs(lead, PACT, "2026-03-03 11:00", "disposition")[0].state is State.ON_TRACK
    assert told(lead, PACT, "2026-03-07 10:00") == ["disposition.at_risk", "disposition.breached"]


def test_a_lead_that_is_merged_away_is_asked_about_no_more() -> None:
    lead = owned_lead(START)
    lead.merged("2026-03-03 10:00")
    assert runs(lead, PACT, "2026-03-09 10:00", "disposition")[0].state is State.CANCELLED


def test_it_is_charged_to_who_held_it_longest() -> None:
    lead = owned_lead(START, ANA)
    lead.owner("2026-03-03 09:00", BEN)
    lead.owner("2026-03-06 09:00", ANA)
    (found,) = runs(lead, PACT, "2026-03-09 10:00", "disposition")
    assert found.breach is not None
    assert found.breach.holder.id == "ben", "three days against two"
    assert found.holder.id == "ana"


def test_a_lead_that_comes_back_is_asked_about_again() -> None:
    lead = owned_lead(START)
    lead.disposed("2026-03-03 10:00", "recycled")
    lead.stage("2026-03-16 09:00")
    found = runs(lead, PACT, "2026-03-16 10:00", "disposition")
    assert [(each.cycle, each.state) for each in found] == [(1, State.MET), (2, State.ON_TRACK)]
