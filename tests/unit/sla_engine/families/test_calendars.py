"""Whose time counts in calendars.yaml: teams, owners in their zones, a segment, absences, pauses, exceptions, blame."""

import pytest

from shared.events.envelope import Owner
from sla_engine.domain.obligation import Obligation, State
from sla_engine.entrypoints.paper_table import print_agreement
from tests.support.shipped_agreements import ANA, BEN, new_lead, owned_lead, runs, shipped, told
from tests.support.story_builder import Lead

PACT = shipped("calendars")
HOUR_US = 3_600_000_000


def first_touch(lead: Lead, now: str) -> Obligation:
    return runs(lead, PACT, now, "first_touch")[-1]


def test_the_handoff_counts_in_marketings_hours() -> None:
    lead = new_lead()
    lead.stage("2026-02-05 15:30")  # a Thursday; campaigns has no Fridays
    (found,) = runs(lead, PACT, "2026-02-05 15:30", "handoff")
    assert (found.deadline, found.calendar) == (lead.instant("2026-02-09 08:30"), "campaigns")


@pytest.mark.parametrize(
    ("owner", "at", "deadline"),
    [
        pytest.param(ANA, "2026-02-04 16:00", "2026-02-05 10:00", id="the team's hours, by the clocks of Madrid"),
        pytest.param(BEN, "2026-02-04 12:00", "2026-02-05 10:00", id="hours of his own, by the clocks of London"),
        pytest.param(ANA, "2026-02-27 14:30", "2026-03-09 10:30", id="vacation, and a course on Friday afternoon"),
        pytest.param(ANA, "2026-03-12 12:00", "2026-03-13 10:00", id="away for an afternoon"),
        pytest.param(ANA, "2026-03-13 16:00", "2026-03-18 10:00", id="an offsite in her calendar"),
    ],
)
def test_the_first_touch_counts_in_the_owners_own_hours(owner: Owner, at: str, deadline: str) -> None:
    lead = owned_lead(at, owner)
    assert first_touch(lead, at).deadline == lead.instant(deadline)


def test_when_a_lead_changes_hands_what_was_used_stays_used() -> None:
    lead = owned_lead("2026-02-04 11:00", ANA)
    lead.owner("2026-02-04 12:00", BEN)  # 11:00 in London, where he works until 12:00
    found = first_touch(lead, "2026-02-04 13:00")
    assert found.deadline == lead.instant("2026-02-04 13:00")
    assert [each.business_us // HOUR_US for each in found.holders] == [1, 1]


def test_an_outage_counts_in_the_calendar_of_support_whoever_owns_the_lead() -> None:
    lead = owned_lead("2026-02-07 12:00", ANA)  # a Saturday
    lead.knows("2026-02-07 12:00", intent="outage")
    found = first_touch(lead, "2026-02-07 12:00")
    assert (found.deadline, found.calendar) == (lead.instant("2026-02-07 12:30"), "support")


def test_a_lead_on_hold_waits() -> None:
    lead = owned_lead("2026-02-04 10:00", ANA)
    lead.knows("2026-02-04 10:30", on_hold=True)
    assert first_touch(lead, "2026-02-05 10:00").state is State.PAUSED
    lead.knows("2026-02-05 10:00", on_hold=False)
    assert first_touch(lead, "2026-02-05 10:00").deadline == lead.instant("2026-02-05 11:30")


def test_the_company_meeting_takes_no_time_of_sales() -> None:
    lead = owned_lead("2026-03-18 09:30", ANA)
    found = first_touch(lead, "2026-03-18 13:00")
    assert found.deadline == lead.instant("2026-03-18 13:30")
    assert [each.reason for each in found.pauses] == ["Company meeting"]


def test_a_miss_while_hubspot_was_down_is_excused() -> None:
    lead = owned_lead("2026-03-24 10:00", ANA)
    found = first_touch(lead, "2026-03-25 10:00")
    assert found.excuse is not None
    assert (found.state, found.excuse.author) == (State.EXCUSED, "Maria Lund")
    assert told(lead, PACT, "2026-03-25 10:00")[-1] == "first_touch.excused"


def test_a_miss_is_charged_to_who_held_it_longest() -> None:
    lead = owned_lead("2026-02-04 10:00", ANA)
    lead.owner("2026-02-04 11:30", BEN)
    found = first_touch(lead, "2026-02-04 13:00")
    assert found.breach is not None
    assert (found.breach.holder.id, found.holder.id) == ("ana", "ben")


def test_the_check_shows_exceptions_and_what_the_feed_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_agreement(PACT)
    shown = " ".join(capsys.readouterr().out.split())
    assert "exception: no time counts Wed 2026-03-18 10:00 (Europe/Berlin) – " in shown
    assert "exception: misses are excused Tue 2026-03-24 09:00" in shown
    assert "HubSpot was down (by Maria Lund)" in shown
    assert "absences read from calendars: ana: 9" in shown


def test_what_the_feed_said_stands_in_the_agreement() -> None:
    assert len(PACT.declared["absences_read"]["ana"]) == 9, "eight Fridays and the offsite; lunch is none"
