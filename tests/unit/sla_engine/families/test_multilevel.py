"""Marketing, sales, customer service: won → kickoff within five business days → review within thirty days."""

import itertools

from shared.events.envelope import Channel
from sla_engine.domain.obligation import State
from tests.support.shipped_agreements import BEN, owned_lead, runs, shipped, told, told_with_delay
from tests.support.story_builder import Lead

PACT = shipped("multilevel")
WON = "2026-03-02 12:00"


def _won() -> Lead:
    lead = owned_lead("2026-02-02 09:00")
    lead.stage("2026-02-20 09:00", "opportunity")
    lead.deal(WON)
    return lead


def _met(lead: Lead, at: str, by: str = "7103") -> Lead:
    lead.touch(at, by=by, channel=Channel.MEETING)
    return lead


def test_a_won_deal_is_customer_services_whoever_owns_the_lead() -> None:
    lead = _won()
    lead.owner("2026-03-03 09:00", BEN)
    (found,) = runs(lead, PACT, "2026-03-10 09:00", "kickoff")
    assert found.deadline == lead.instant("2026-03-09 12:00"), "50 hours of service, in its calendar of ten a day"
    assert [(each.holder.name, each.calendar) for each in found.holders] == [("Customer service", "service")]
    assert found.breach is not None
    assert found.breach.holder.name == "Customer service"
    assert found.escalation is not None
    assert found.escalation.channel == "#customer-service"


def test_only_a_meeting_of_customer_service_is_a_kickoff() -> None:
    lead = _met(_won(), "2026-03-03 10:00", by="7101")
    lead.touch("2026-03-04 10:00", by="7103")
    assert runs(lead, PACT, "2026-03-04 11:00", "kickoff")[0].state is State.ON_TRACK
    _met(lead, "2026-03-09 12:00")
    assert runs(lead, PACT, "2026-03-09 13:00", "kickoff")[0].state is State.MET


def test_the_review_begins_when_the_kickoff_was_held_in_time_or_late() -> None:
    for held in ("2026-03-05 10:00", "2026-03-12 10:00"):
        lead = _met(_won(), held)
        (review,) = runs(lead, PACT, "2026-03-20 09:00", "review")
        assert review.started_at == lead.instant(held), "the kickoff itself is no review"
        assert review.state is State.ON_TRACK
        _met(lead, "2026-04-01 10:00")
        assert runs(lead, PACT, "2026-04-01 11:00", "review")[0].state is State.MET


def test_a_deal_that_is_reopened_cancels_it_and_no_review_follows() -> None:
    lead = _won()
    lead.deal("2026-03-03 10:00", "reopened")
    assert runs(lead, PACT, "2026-03-20 09:00", "kickoff")[0].state is State.CANCELLED
    assert runs(lead, PACT, "2026-03-20 09:00", "review") == []


def test_each_won_deal_has_a_kickoff_of_its_own() -> None:
    lead = _met(_won(), "2026-03-05 10:00")
    lead.deal("2026-05-04 12:00")
    found = runs(lead, PACT, "2026-05-05 09:00", "kickoff")
    assert [(each.cycle, each.round, each.state) for each in found] == [(1, 1, State.MET), (2, 1, State.ON_TRACK)]


def test_it_runs_outside_the_qualified_stages_and_ends_with_the_lead() -> None:
    lead = _won()
    lead.stage("2026-03-03 09:00", "customer")
    assert runs(lead, PACT, "2026-03-03 10:00", "kickoff")[0].state is State.ON_TRACK
    lead.deleted("2026-03-04 09:00")
    assert runs(lead, PACT, "2026-03-20 09:00", "kickoff")[0].state is State.CANCELLED


def test_a_kickoff_heard_of_late_takes_the_alarm_back_and_starts_the_review_when_it_was_held() -> None:
    lead = _met(_won(), "2026-03-09 11:00")
    said = told_with_delay(lead, PACT, "2026-03-10 12:00", len(lead.events) - 1, minutes=24 * 60)
    assert said == ["kickoff.at_risk", "kickoff.breached", "kickoff.retracted", "kickoff.met"]
    (review,) = runs(lead, PACT, "2026-03-10 12:00", "review")
    assert review.started_at == lead.instant("2026-03-09 11:00")


def test_whatever_the_order_of_the_news_the_verdict_is_one() -> None:
    expected = _met(_won(), "2026-03-05 10:00").judged("2026-03-20 09:00", PACT)
    for order in itertools.permutations(_met(_won(), "2026-03-05 10:00").events):
        lead = Lead(source="hubspot", zone="Europe/Berlin", events=[*order, order[0]])
        assert lead.judged("2026-03-20 09:00", PACT) == expected


def test_the_three_parties_stand_in_the_agreement() -> None:
    assert [each["name"] for each in PACT.declared["parties"]["others"]] == ["Customer service"]
    assert told(_won(), PACT, "2026-03-03 09:00") == []
