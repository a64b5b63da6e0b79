"""A lead's step: what is judged when, and what is written."""

from datetime import datetime

import msgspec

from shared.events.sla import event_type
from sla_engine.application.advance import Step, advance
from sla_engine.application.dossier import Dossier
from sla_engine.domain.editions import Editions, OpenChoice
from sla_engine.domain.instants import to_us
from sla_engine.domain.obligation import State
from tests.support.story_builder import MAX, Lead, agreement, utc

PACT = agreement(calendar="always")
SHORTER = agreement(calendar="always", more="definitions: {MQL: another content}")
LONG_AGO = utc("2024-01-01 00:00")


def step(before: Dossier | None, lead: Lead, *, now: str, through: datetime = LONG_AGO) -> Step | None:
    return advance(before, lead.events, Editions.only(PACT), through_us=to_us(through), now=utc(now))


def qualified() -> Lead:
    lead = Lead()
    lead.created("2024-01-08 12:00", {"name": "Ada"})
    lead.stage("2024-01-08 12:00")
    lead.owner("2024-01-08 12:00", MAX)
    return lead


def test_time_that_the_input_does_not_cover_breaks_no_promise() -> None:
    found = step(None, qualified(), now="2024-01-08 18:00")
    assert found is not None
    assert State.BREACHED not in [row.filing.state for row in found.rows]
    assert found.after.wake_us == to_us(utc("2024-01-08 12:45")), "it is due as soon as the gate has passed it"


def test_time_that_the_input_covers_does() -> None:
    found = step(None, qualified(), now="2024-01-08 18:00", through=utc("2024-01-08 18:00"))
    assert found is not None
    assert State.BREACHED in [row.filing.state for row in found.rows]
    assert found.after.wake_us is None


def test_an_older_event_in_a_backlog_judges_no_lead_at_an_earlier_instant_again() -> None:
    """What was known of the lead's own log stays known, though the partition's gate has not come that far."""
    lead = qualified()
    lead.touch("2024-01-08 12:30")
    lead.knows("2024-01-08 12:40", size=5000)  # the segment Enterprise is to be touched within 15 minutes
    first = step(None, lead, now="2024-01-08 18:00")
    assert first is not None
    assert "first_touch.met_late" in types(first)

    lead.knows("2024-01-08 12:10", industry="tea")  # told last
    second = step(first.after, lead, now="2024-01-08 18:00")

    assert second is not None
    assert types(second) == []


def test_what_came_after_a_privacy_deletion_that_is_told_last_leaves_no_open_promise() -> None:
    """A forgotten lead is never judged again: what began after the deletion would stand open for ever."""
    first = step(None, qualified(), now="2024-01-08 12:01")
    assert first is not None
    lead = Lead()
    asked = lead.deleted("2024-01-08 11:30")
    lead.events[0] = msgspec.structs.replace(asked, id="deletion", privacy=True)

    second = step(first.after, lead, now="2024-01-08 12:05")

    assert second is not None
    assert sorted(types(second)) == ["first_touch.retracted", "handoff.retracted", "handoff.retracted"]
    assert {each.id for each in second.closings} == {row.filing.id for row in first.rows}
    assert second.after.wake_us is None


def test_a_clock_set_back_judges_no_lead_under_an_older_edition_again() -> None:
    """What the newest edition said would be taken back, and said again once the clock is right."""
    applied = utc("2024-01-08 20:00")
    by = Editions.only(agreement(calendar="team")).followed_by(
        PACT, applied_us=to_us(applied), open_=OpenChoice.RECOMPUTE
    )
    lead = Lead()
    lead.stage("2024-01-08 16:30")
    lead.owner("2024-01-08 16:30", MAX)
    later, earlier = utc("2024-01-08 20:01"), utc("2024-01-08 19:01")
    first = advance(None, lead.events, by, through_us=to_us(later), now=later)
    assert first is not None
    assert types(first)[-1] == "first_touch.breached", "half an hour after the team went home"

    second = advance(first.after, [], by, through_us=to_us(earlier), now=earlier)

    assert second is not None
    assert types(second) == []


def test_a_clock_set_back_forgets_nothing_of_the_leads_own_log() -> None:
    lead = qualified()
    lead.knows("2024-01-08 12:13", size=5000)  # the segment Enterprise: 75 % of 15 minutes were used before it was told
    first = step(None, lead, now="2024-01-08 12:14", through=utc("2024-01-08 12:14"))
    assert first is not None
    assert "first_touch.at_risk" in types(first)

    second = advance(first.after, [], Editions.only(PACT), through_us=0, now=utc("2024-01-08 11:14"))

    assert second is not None
    assert types(second) == []


def test_a_clock_set_back_takes_no_excuse_back() -> None:
    outage = """
exceptions:
  - {from: "2024-01-08 12:30", to: "2024-01-08 13:30", effect: excuse, why: an outage, by: Mia}
"""
    by = Editions.only(agreement(calendar="always", more=outage))
    later = utc("2024-01-08 14:00")
    first = advance(None, qualified().events, by, through_us=to_us(later), now=later)
    assert first is not None
    assert "first_touch.excused" in types(first)

    second = advance(first.after, [], by, through_us=0, now=utc("2024-01-08 12:01"))

    assert second is not None
    assert types(second) == []


def types(found: Step) -> list[str]:
    """What was announced, as `clock.transition`."""
    return [f"{each.clock}.{event_type(each).removeprefix('obligation.')}" for each in found.said]


def test_duplicates_are_no_step() -> None:
    first = step(None, qualified(), now="2024-01-08 12:01")
    assert first is not None
    assert step(first.after, qualified(), now="2024-01-08 12:02") is None


def test_announcements_carry_the_wall_clock() -> None:
    found = step(None, qualified(), now="2024-01-08 12:05")
    assert found is not None
    assert {each.announced_at for each in found.said} == {utc("2024-01-08 12:05")}


def test_only_rows_that_changed_are_written() -> None:
    lead = qualified()
    first = step(None, lead, now="2024-01-08 12:01")
    assert first is not None
    assert {row.filing.clock for row in first.rows} == {"handoff", "first_touch"}
    lead.touch("2024-01-08 12:10")

    second = step(first.after, lead, now="2024-01-08 12:11")

    assert second is not None
    assert [(row.filing.clock, row.filing.state) for row in second.rows] == [("first_touch", State.MET)]
    assert second.history_changed
    assert second.wake_changed


def test_a_wake_up_leaves_the_history_as_it_is() -> None:
    lead = qualified()
    first = step(None, lead, now="2024-01-08 12:01")
    assert first is not None
    woken = advance(
        first.after, [], Editions.only(PACT), through_us=to_us(utc("2024-01-08 12:46")), now=utc("2024-01-08 12:46")
    )
    assert woken is not None
    assert not woken.history_changed
    assert [(row.filing.clock, row.filing.state) for row in woken.rows] == [("first_touch", State.AT_RISK)]


def test_what_was_closed_under_another_edition_is_not_filed_again() -> None:
    lead = qualified()
    lead.touch("2024-01-08 12:10")
    first = step(None, lead, now="2024-01-08 12:11")
    assert first is not None
    assert SHORTER.version != PACT.version
    applied_us = to_us(utc("2024-01-08 12:11"))
    both = Editions.only(PACT).followed_by(SHORTER, applied_us=applied_us, open_=OpenChoice.RECOMPUTE)

    again = advance(first.after, [], both, through_us=applied_us, now=utc("2024-01-08 12:12"))

    assert again is not None
    assert (list(again.rows), list(again.said), list(again.closings)) == ([], [], [])


def test_an_open_promise_is_filed_again_under_the_edition_that_recomputes_it() -> None:
    first = step(None, qualified(), now="2024-01-08 12:11")
    assert first is not None
    applied_us = to_us(utc("2024-01-08 12:11"))
    both = Editions.only(PACT).followed_by(SHORTER, applied_us=applied_us, open_=OpenChoice.RECOMPUTE)

    again = advance(first.after, [], both, through_us=applied_us, now=utc("2024-01-08 12:12"))

    assert again is not None
    assert [(each.filing.clock, each.filing.agreement_version) for each in again.rows] == [
        ("first_touch", SHORTER.version)
    ]
