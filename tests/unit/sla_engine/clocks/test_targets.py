"""Targets: business time, wall time, computed instants, one for each round, in whose calendar. See docs/clocks.md."""

from zoneinfo import ZoneInfo

import pytest

from sla_engine.domain.instants import to_us
from sla_engine.domain.obligation import State
from tests.support.declared_clocks import declared, promise, run, runs
from tests.support.story_builder import EVA, MAX, QUEUE, Lead, utc

HOUR_US = 3_600_000_000
STAY = "start: {qualified: true}, stop: {touch: {}}"


def qualified(at: str, zone: str = "UTC") -> Lead:
    lead = Lead(zone=zone)
    lead.stage(at)
    return lead


def due(target: str, at: str, zone: str = "UTC", office: str = 'monday-friday: "09:00-17:00"', more: str = "") -> str:
    """The deadline of a lead that qualified at `at`, by the clocks of the zone."""
    by = promise(f"{STAY}, targets: {{default: {target}}}, calendar: team", more, timezone=zone, office=office)
    lead = qualified(at, zone)
    return run(lead, by, at).deadline.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("target", "at", "deadline"),
    [
        # the 8th of January 2024 is a Monday
        pytest.param("1h 30m", "2024-01-08 16:30", "2024-01-09 10:00", id="business time"),
        pytest.param("0s", "2024-01-08 20:00", "2024-01-08 20:00", id="due at once, closed or not"),
        pytest.param("2 business days", "2024-01-08 16:00", "2024-01-10 16:00", id="business days"),
        pytest.param("4h wall", "2024-01-08 16:00", "2024-01-08 20:00", id="wall time"),
        pytest.param("2 days wall", "2024-01-12 16:00", "2024-01-14 16:00", id="wall days, over a weekend"),
        pytest.param(
            "next business day 10:00", "2024-01-08 08:00", "2024-01-09 10:00", id="the next, also from early on"
        ),
        pytest.param("next business day 10:00", "2024-01-12 23:00", "2024-01-15 10:00", id="the next, from a Friday"),
        pytest.param("next business day 10:00", "2024-01-13 12:00", "2024-01-15 10:00", id="the next, from a Saturday"),
        pytest.param("same business day 17:00", "2024-01-08 16:59", "2024-01-08 17:00", id="the same"),
        pytest.param(
            "same business day 17:00", "2024-01-08 17:00", "2024-01-08 17:00", id="the same, at the very time"
        ),
        pytest.param("same business day 17:00", "2024-01-08 17:01", "2024-01-09 17:00", id="past: the next"),
        pytest.param(
            "same business day 17:00", "2024-01-13 12:00", "2024-01-15 17:00", id="on no business day: the next"
        ),
        pytest.param("3 business days 12:00", "2024-01-10 12:00", "2024-01-15 12:00", id="the third"),
        pytest.param("next business day 22:00", "2024-01-08 08:00", "2024-01-09 22:00", id="in a closed hour"),
    ],
)
def test_when_it_is_due(target: str, at: str, deadline: str) -> None:
    assert due(target, at) == deadline


@pytest.mark.parametrize(
    ("target", "at", "zone", "deadline"),
    [
        # Berlin skips 02:00-03:00 on 2024-03-31 and repeats 02:00-03:00 on 2024-10-27
        pytest.param("next business day 02:30", "2024-03-30 12:00", "Europe/Berlin", "2024-03-31 03:30", id="skipped"),
        pytest.param(
            "next business day 10:00", "2024-03-30 12:00", "Europe/Berlin", "2024-03-31 10:00", id="after a jump"
        ),
        pytest.param("24h wall", "2024-03-30 12:00", "Europe/Berlin", "2024-03-31 13:00", id="24 hours over a jump"),
        pytest.param("24h", "2024-10-26 12:00", "Europe/Berlin", "2024-10-27 11:00", id="24 hours over a repeat"),
        # Lord Howe moves by half an hour: skips 02:00-02:30 on 2024-10-06
        pytest.param(
            "next business day 02:15", "2024-10-05 12:00", "Australia/Lord_Howe", "2024-10-06 02:45", id="by 30 min"
        ),
    ],
)
def test_when_it_is_due_where_the_clocks_change(target: str, at: str, zone: str, deadline: str) -> None:
    assert due(target, at, zone, office='daily: "00:00-24:00"') == deadline


def test_of_a_repeated_time_the_first_is_meant() -> None:
    by = promise(
        f"{STAY}, targets: {{default: next business day 02:30}}, calendar: team",
        timezone="Europe/Berlin",
        office='daily: "00:00-24:00"',
    )
    lead = qualified("2024-10-26 12:00", "Europe/Berlin")
    assert run(lead, by, "2024-10-26 13:00").deadline == utc("2024-10-27 00:30")


def test_a_limit_is_inclusive_also_of_a_computed_instant() -> None:
    by = promise(f"{STAY}, targets: {{default: next business day 10:00}}, calendar: team")
    for at, state in (("2024-01-09 10:00", State.MET), ("2024-01-09 10:00:00.000001", State.MET_LATE)):
        lead = qualified("2024-01-08 12:00")
        lead.touch(at)
        assert run(lead, by, "2024-01-09 11:00").state is state


def test_of_a_list_each_round_has_its_own_and_all_later_ones_the_last() -> None:
    rounds = "stop: {event: lead.converted}, reset: {touch: {}}, times: any, targets: {default: [1h, 30m, 10m]}"
    lead = qualified("2024-01-08 09:00")
    for minute in ("05", "10", "15"):
        lead.touch(f"2024-01-08 09:{minute}")
    found = runs(lead, promise(f"start: {{qualified: true}}, {rounds}"), "2024-01-08 09:20")
    assert [each.target_text for each in found] == ["1h", "30m", "10m", "10m"]
    whole = runs(lead, promise(f"per: lead, start: {{qualified: true}}, {rounds}"), "2024-01-08 09:20")
    assert [(each.cycle, each.target_text) for each in whole] == [(1, "1h"), (2, "30m"), (3, "10m"), (4, "10m")]


def test_the_segment_at_the_start_chooses_and_what_is_first_told_later_counts_as_if_told_then() -> None:
    by = promise(f"{STAY}, targets: {{Large: 15m, default: 1h}}")
    told_later, grown = qualified("2024-01-08 09:00"), qualified("2024-01-08 09:00")
    told_later.knows("2024-01-08 09:30", size=5000)
    grown.knows("2024-01-08 08:00", size=10)
    grown.knows("2024-01-08 09:30", size=5000)
    assert run(told_later, by, "2024-01-08 09:40").segment == "Large"
    assert run(grown, by, "2024-01-08 09:40").segment == "default"


def test_a_segment_that_is_promised_nothing_has_no_obligation() -> None:
    by = promise(f"{STAY}, targets: {{Large: none, default: 1h}}")
    lead = qualified("2024-01-08 09:00")
    lead.knows("2024-01-08 09:00", size=5000)
    assert runs(lead, by, "2024-01-08 12:00") == []


def test_a_target_may_name_a_calendar_of_its_own() -> None:
    by = promise(f"{STAY}, targets: {{Large: {{within: 1h, calendar: night}}, default: 1h}}, calendar: team")
    lead = qualified("2024-01-08 16:30")
    large = qualified("2024-01-08 16:30")
    large.knows("2024-01-08 16:30", size=1000)
    assert run(lead, by, "2024-01-08 17:00").deadline == utc("2024-01-09 09:30")
    found = run(large, by, "2024-01-08 17:00")
    assert (found.deadline, found.calendar) == (utc("2024-01-08 23:00"), "night")


def test_with_a_target_of_the_wall_clock_every_hour_counts_for_holders_too() -> None:
    by = promise("start: {owner_kind: person}, stop: {touch: {}}, targets: {default: 10h wall}, calendar: owner")
    lead = qualified("2024-01-08 16:00")
    lead.owner("2024-01-08 16:00", MAX)
    lead.owner("2024-01-08 20:00", EVA)
    found = run(lead, by, "2024-01-09 03:00")
    assert found.deadline == utc("2024-01-09 02:00")
    assert [each.business_us // HOUR_US for each in found.holders] == [4, 7]
    assert found.breach is not None
    assert [each.business_us // HOUR_US for each in found.breach.holders] == [4, 6]


def test_the_remaining_business_time_runs_on_in_the_next_owners_calendar() -> None:
    by = promise("start: {owner_kind: person}, stop: {touch: {}}, targets: {default: 2h}, calendar: owner")
    lead = qualified("2024-01-08 10:00")
    lead.owner("2024-01-08 10:00", MAX)
    lead.owner("2024-01-08 11:30", EVA)
    assert run(lead, by, "2024-01-08 12:00").deadline == utc("2024-01-08 13:30")


def test_a_computed_instant_stands_whatever_the_next_owners_calendar_unless_restarted() -> None:
    asked = (
        "start: {owner_kind: person}, stop: {touch: {}}, targets: {default: next business day 10:00}, calendar: owner"
    )
    lead = qualified("2024-01-08 10:00")
    lead.owner("2024-01-08 10:00", MAX)
    lead.owner("2024-01-09 09:00", EVA)
    assert run(lead, promise(asked), "2024-01-09 09:30").deadline == utc("2024-01-09 10:00")
    anew = promise(f"{asked}, on_reassignment: restart")
    assert run(lead, anew, "2024-01-09 09:30").deadline == utc("2024-01-10 10:00")


def test_restart_gives_a_new_owner_the_whole_time_unless_it_is_past() -> None:
    by = promise("start: {owner_kind: person}, stop: {touch: {}}, on_reassignment: restart")
    lead = qualified("2024-01-08 10:00")
    lead.owner("2024-01-08 10:00", MAX)
    lead.owner("2024-01-08 10:40", EVA)
    assert run(lead, by, "2024-01-08 10:50").deadline == utc("2024-01-08 11:40")
    lead.owner("2024-01-08 11:50", QUEUE)
    found = run(lead, by, "2024-01-08 12:00")
    assert (found.state, found.deadline) == (State.BREACHED, utc("2024-01-08 11:40"))


@pytest.mark.parametrize("restarted", ["2024-01-08 10:40", "2024-01-08 10:30"])
@pytest.mark.parametrize("target", ["1h", "same business day 11:00"])
def test_what_was_warned_of_up_to_a_restart_stays(target: str, restarted: str) -> None:
    by = promise(
        f"start: {{owner_kind: person}}, stop: {{touch: {{}}}}, targets: {{default: {target}}}, "
        "on_reassignment: restart, calendar: always, warnings: ['50%']"
    )
    lead = qualified("2024-01-08 10:00")
    lead.owner("2024-01-08 10:00", MAX)
    lead.owner(restarted, EVA)
    warnings = run(lead, by, "2024-01-08 10:45").warnings
    assert len(warnings) == 2
    assert warnings[0].at_us == to_us(utc("2024-01-08 10:30"))


def test_the_share_of_a_computed_instant_is_of_the_business_time_up_to_it() -> None:
    by = promise(
        f"{STAY}, targets: {{default: next business day 10:00}}, calendar: team, warnings: ['50%', '30m left']"
    )
    found = run(qualified("2024-01-08 14:00"), by, "2024-01-08 14:00")
    assert found.target_us == 4 * HOUR_US, "three hours on Monday, one on Tuesday"
    assert [warning.at_us - found.started_us for warning in found.warnings] == [2 * HOUR_US, int(19.5 * HOUR_US)]


def test_business_days_are_ordinary_days_of_the_first_holders_calendar() -> None:
    uneven = 'monday: "09:00-13:00", tuesday-thursday: "09:00-17:00", friday: "09:00-13:00"'
    assert due("1 business day", "2024-01-08 09:00", office=uneven) == "2024-01-09 13:00", "eight hours"


def test_always_counts_every_hour_by_the_clocks_of_the_agreements_zone() -> None:
    by = promise(
        f"{STAY}, targets: {{default: same business day 17:00}}, calendar: always", timezone="America/New_York"
    )
    lead = qualified("2024-01-07 12:00", "America/New_York")
    assert run(lead, by, "2024-01-07 13:00").deadline == lead.instant("2024-01-07 17:00"), "a Sunday"


def test_what_a_team_holds_counts_in_its_calendar() -> None:
    lead = qualified("2024-01-08 10:00")
    lead.owner("2024-01-08 10:00", MAX)
    clock = "promise: {{start: {{qualified: true}}, stop: {{touch: {{}}}}, held_by: {by}, targets: {{default: 1h}}}}"
    assert run(lead, declared(clock.format(by="Outside")), "2024-01-08 10:30").deadline == utc("2024-01-08 14:00")
    assert run(lead, declared(clock.format(by="marketing")), "2024-01-08 10:30").deadline == utc("2024-01-08 11:00")
    assert run(lead, declared(clock.format(by="owner")), "2024-01-08 10:30").holder.id == "max"
