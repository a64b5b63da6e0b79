"""Handoff: from the moment a lead qualifies to the moment a person owns it. Enterprise 15m, else 1h; marketing's."""

from sla_engine.domain.obligation import State
from tests.support.shipped_agreements import ANA, BEN, POOL, new_lead, runs, shipped, told, told_with_delay

PACT = shipped("handoff")
MINUTE_US = 60_000_000


def test_it_starts_with_the_stage_and_a_person_stops_it() -> None:
    lead = new_lead()
    lead.stage("2026-03-02 10:00")
    lead.owner("2026-03-02 10:20", POOL)
    lead.owner("2026-03-02 10:40", ANA)
    (found,) = runs(lead, PACT, "2026-03-02 12:00", "handoff")
    assert (found.state, found.stopped_at) == (State.MET, lead.instant("2026-03-02 10:40"))
    assert (found.started_at, found.deadline) == (lead.instant("2026-03-02 10:00"), lead.instant("2026-03-02 11:00"))


def test_marketing_answers_for_it_also_while_a_queue_owns_the_lead() -> None:
    lead = new_lead()
    lead.stage("2026-03-02 10:00")
    lead.owner("2026-03-02 10:20", POOL)
    (found,) = runs(lead, PACT, "2026-03-02 12:00", "handoff")
    assert found.breach is not None
    assert [(each.holder.name, each.business_us // MINUTE_US) for each in found.breach.holders] == [("Marketing", 60)]
    assert found.escalation is not None
    assert found.escalation.team == "Inside sales", "escalate_to"


def test_owned_already_is_handed_over_in_no_time() -> None:
    lead = new_lead()
    lead.owner("2026-03-02 09:00", BEN)
    lead.stage("2026-03-02 10:00")
    (found,) = runs(lead, PACT, "2026-03-02 12:00", "handoff")
    assert (found.state, found.business_us, found.reason) == (State.MET, 0, "owned by a person already")


def test_the_limit_is_inclusive_to_the_microsecond() -> None:
    for owned_at, state in (("2026-03-02 11:00", State.MET), ("2026-03-02 11:00:00.000001", State.MET_LATE)):
        lead = new_lead()
        lead.stage("2026-03-02 10:00")
        lead.owner(owned_at, ANA)
        assert runs(lead, PACT, "2026-03-02 12:00", "handoff")[0].state is state


def test_a_large_company_is_promised_more_also_when_its_size_is_told_later() -> None:
    lead = new_lead()
    lead.stage("2026-03-02 10:00")
    lead.knows("2026-03-02 10:05", company_size=5000)
    (found,) = runs(lead, PACT, "2026-03-02 10:10", "handoff")
    assert (found.segment, found.deadline) == ("Enterprise", lead.instant("2026-03-02 10:15"))


def test_night_weekend_and_holiday_do_not_count() -> None:
    lead = new_lead()
    lead.stage("2026-04-02 16:30")  # the Thursday before Easter: Friday and Monday are holidays
    (found,) = runs(lead, PACT, "2026-04-07 09:00", "handoff")
    assert found.deadline == lead.instant("2026-04-07 09:30")


def test_leaving_the_qualified_stages_cancels_it_and_coming_back_is_a_new_cycle() -> None:
    lead = new_lead()
    lead.stage("2026-03-02 10:00")
    lead.stage("2026-03-02 10:30", "lead")
    lead.stage("2026-03-04 09:00")
    first, second = runs(lead, PACT, "2026-03-04 09:10", "handoff")
    assert (first.cycle, first.state) == (1, State.CANCELLED)
    assert (second.cycle, second.deadline) == (2, lead.instant("2026-03-04 10:00"))
    assert told(lead, PACT, "2026-03-04 09:10") == ["handoff.cancelled"]


def test_news_of_an_owner_that_comes_after_the_alarm_takes_it_back() -> None:
    lead = new_lead()
    lead.stage("2026-03-02 10:00")
    lead.owner("2026-03-02 10:59", ANA)
    said = told_with_delay(lead, PACT, "2026-03-02 12:00", 1, minutes=20)
    assert said == ["handoff.at_risk", "handoff.breached", "handoff.retracted", "handoff.met"]
