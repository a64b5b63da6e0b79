"""Opportunity: from SQL to an opportunity within two days of the wall clock."""

from collections.abc import Callable

import pytest

from sla_engine.domain.obligation import State
from tests.support.shipped_agreements import owned_lead, runs, shipped, told
from tests.support.story_builder import Lead

PACT = shipped("opportunity")
FRIDAY = "2026-03-06 15:00"


def _sql() -> Lead:
    lead = owned_lead("2026-03-02 09:00")
    lead.stage(FRIDAY, "sql")
    return lead


@pytest.mark.parametrize(
    "opened",
    [
        pytest.param(lambda lead, at: lead.deal(at, "created"), id="a deal"),
        pytest.param(lambda lead, at: lead.converted(at, "deal-1"), id="a conversion"),
        pytest.param(lambda lead, at: lead.stage(at, "opportunity"), id="the stage of leads that have one"),
    ],
)
def test_it_is_due_two_days_later_also_over_a_weekend(opened: Callable[[Lead, str], object]) -> None:
    lead, late = _sql(), _sql()
    opened(lead, "2026-03-08 15:00")
    opened(late, "2026-03-08 15:00:00.000001")
    (found,) = runs(lead, PACT, "2026-03-09 10:00", "opportunity")
    assert (found.state, found.deadline) == (State.MET, lead.instant("2026-03-08 15:00"))
    assert runs(late, PACT, "2026-03-09 10:00", "opportunity")[0].state is State.MET_LATE


def test_before_sql_nothing_is_due_and_a_won_deal_is_no_new_one() -> None:
    assert runs(owned_lead("2026-03-02 09:00"), PACT, "2026-03-20 09:00", "opportunity") == []
    lead = _sql()
    lead.deal("2026-03-07 15:00", "won")
    assert runs(lead, PACT, "2026-03-08 10:00", "opportunity")[0].state is State.AT_RISK


@pytest.mark.parametrize(("stage", "what"), [("lead", "moved back"), (None, "sent back")])
def test_who_is_no_longer_qualified_needs_none(stage: str | None, what: str) -> None:
    lead = _sql()
    if stage is None:
        lead.disposed("2026-03-07 10:00", "disqualified")
    else:
        lead.stage("2026-03-07 10:00", stage)
    assert runs(lead, PACT, "2026-03-09 10:00", "opportunity")[0].state is State.CANCELLED, what


def test_back_to_mql_and_to_sql_again_starts_nothing_new_in_one_stay() -> None:
    lead = _sql()
    lead.stage("2026-03-07 10:00", "mql")
    lead.stage("2026-03-07 11:00", "sql")
    assert len(runs(lead, PACT, "2026-03-07 12:00", "opportunity")) == 1


def test_a_miss_is_warned_of_and_told_at_night() -> None:
    assert told(_sql(), PACT, "2026-03-08 15:01") == ["opportunity.at_risk", "opportunity.breached"]


def test_clocks_that_are_set_forward_make_the_wall_clocks_day_no_longer() -> None:
    lead = owned_lead("2026-03-02 09:00")
    lead.stage("2026-03-28 15:00", "sql")  # on the 29th an hour is skipped
    (found,) = runs(lead, PACT, "2026-03-28 16:00", "opportunity")
    assert found.deadline == lead.instant("2026-03-30 16:00"), "48 hours are 48 hours"
