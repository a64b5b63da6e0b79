"""The oracle by itself: targets, pauses, absences, exceptions and blame; worked cases first."""

import datetime as dt
from dataclasses import replace

import pytest

from shared.events import lead
from tests.support.oracle.declared import Agreement, Exempt, Member, Window
from tests.support.oracle.judging import Verdict
from tests.support.oracle.paper import Warn
from tests.support.oracle.wall_clock import Hours
from tests.unit.support.telling import EVA, MAX, OFFICE, QUEUE, Told, agreement, aim, clock, in_zone, judged, utc

WEEKDAYS = range(5)


def due(told: Told, given: Agreement, now: str | None = None) -> str:
    """The only promise's deadline."""
    (found,) = judged(told, given, now or f"{told.events[-1].at:%Y-%m-%d %H:%M}")
    return f"{found.deadline:%a %H:%M}"


def window(start: str, end: str) -> Window:
    """A window by a wall clock."""
    return utc(start).replace(tzinfo=None), utc(end).replace(tzinfo=None)


def open_hours(hours: Hours) -> dict[str, object]:
    """An agreement whose office has these hours."""
    return {"hours": {"office": hours, "late": hours}}


@pytest.mark.parametrize(
    ("start", "target", "deadline"),
    [
        ("2024-01-06 15:00", "60m", "Mon 10:00"),
        ("2024-01-05 16:30", "60m", "Mon 09:30"),
        ("09:00", "0m", "Mon 09:00"),
        ("09:00", "480m", "Mon 17:00"),
        ("16:00", "2 business days", "Wed 16:00"),
        ("16:00", "120m wall", "Mon 18:00"),
        ("2024-01-05 16:30", "2880m wall", "Sun 16:30"),
        ("09:00", "1 at 10:00", "Tue 10:00"),
        ("2024-01-05 16:30", "1 at 10:00", "Mon 10:00"),
        ("2024-01-06 16:30", "1 at 10:00", "Mon 10:00"),
        ("09:00", "3 at 12:00", "Thu 12:00"),
        ("09:00", "0 at 16:00", "Mon 16:00"),
        ("16:00", "0 at 16:00", "Mon 16:00"),
        ("16:01", "0 at 16:00", "Tue 16:00"),
        ("2024-01-06 09:00", "0 at 16:00", "Mon 16:00"),
        ("09:00", "1 at 20:00", "Tue 20:00"),
    ],
)
def test_targets(start: str, target: str, deadline: str) -> None:
    assert due(Told().stage(start), agreement(clock(target=target))) == deadline


@pytest.mark.parametrize(
    ("hours", "start", "target", "deadline"),
    [
        (in_zone(OFFICE, days_off=frozenset({dt.date(2024, 1, 1)})), "2024-01-01 15:00", "60m", "Tue 10:00"),
        (in_zone(OFFICE, week=dict.fromkeys(range(7), ((1320, 360),))), "2024-01-01 23:00", "60m", "Tue 00:00"),
        (in_zone(OFFICE, week=dict.fromkeys(WEEKDAYS, ((480, 720), (810, 1080)))), "12:30", "15m", "Mon 13:45"),
        (in_zone(OFFICE, week={1: ((540, 1020),)}), "09:00", "60m", "Tue 10:00"),
        (in_zone(OFFICE, week=dict.fromkeys(range(7), ((0, 1440),))), "23:30", "60m", "Tue 00:30"),
    ],
)
def test_worked_cases_of_calendars(hours: Hours, start: str, target: str, deadline: str) -> None:
    assert due(Told().stage(start), agreement(clock(target=target), **open_hours(hours))) == deadline


def test_worked_case_of_a_warning() -> None:
    hours = in_zone(OFFICE, week=dict.fromkeys(WEEKDAYS, ((480, 1080),)))
    warned = clock(target="240m", warnings=(Warn(minutes_left=60),))
    (found,) = judged(Told().stage("17:00"), agreement(warned, **open_hours(hours)), "17:00")
    assert (found.deadline, found.warnings[0][1]) == (utc("2024-01-09 11:00"), utc("2024-01-09 10:00"))


def test_worked_case_of_an_autumn_day_in_paris() -> None:
    hours = in_zone(OFFICE, zone="Europe/Paris", week=dict.fromkeys(range(7), ((540, 1020),)))
    told = Told().stage("2025-10-25 22:30")
    (found,) = judged(told, agreement(clock(target="6000m"), **open_hours(hours)), "2025-10-27 11:00")  # noon there
    assert found.used == dt.timedelta(hours=11)


@pytest.mark.parametrize(("seconds", "deadline"), [(3600, "Thu 18:00:00"), (3601, "Fri 10:00:01")])
def test_worked_case_of_a_pause(seconds: int, deadline: str) -> None:
    hours = in_zone(OFFICE, week=dict.fromkeys(WEEKDAYS, ((600, 1080),)))
    resumed = utc("2024-01-11 15:30") + dt.timedelta(seconds=seconds)
    told = Told().stage("2024-01-11 15:00").knows("2024-01-11 15:30", waiting=True)
    told.knows(resumed.strftime("%Y-%m-%d %H:%M:%S"), waiting=False)
    paused = clock(target="120m", pause={"attribute": "waiting", "equals": True})
    (found,) = judged(told, agreement(paused, **open_hours(hours)), "2024-01-11 16:45")
    assert f"{found.deadline:%a %H:%M:%S}" == deadline


@pytest.mark.parametrize(
    ("start", "target", "deadline"),
    [
        ("2025-03-08 12:00", "1 at 02:30", "2025-03-09 07:30"),  # skipped: 03:30 EDT
        ("2025-11-01 12:00", "1 at 01:30", "2025-11-02 05:30"),  # repeated: the first, EDT
    ],
)
def test_a_time_in_a_skipped_or_repeated_hour(start: str, target: str, deadline: str) -> None:
    hours = in_zone(OFFICE, zone="America/New_York", week=dict.fromkeys(range(7), ((0, 1440),)))
    (found,) = judged(Told().stage(start), agreement(clock(target=target), **open_hours(hours)), start)
    assert found.deadline == utc(deadline)


def test_the_kth_target_is_the_kth_rounds_and_the_last_all_laters() -> None:
    told = Told().stage("09:00").touch("10:00").touch("11:00").touch("12:00")
    cadence = clock(stop={"stage": ["sal"]}, reset={"touch": {}}, times=9, target=["30m", "60m"])
    found = judged(told, agreement(cadence), "12:00")
    assert [f"{each.deadline:%H:%M}" for each in found] == ["09:30", "11:00", "12:00", "13:00"]


def test_a_target_has_its_own_calendar() -> None:
    own = replace(aim("60m"), calendar="late")
    assert due(Told().stage("09:00"), agreement(clock(targets={"default": (own,)}))) == "Mon 14:00"


def test_the_segment_of_the_start_chooses_and_what_is_told_later_for_the_first_time_counts() -> None:
    aims = clock(target="60m").targets["default"], clock(target="15m").targets["default"]
    given = agreement(clock(targets={"default": aims[0], "big": aims[1]}))
    assert due(Told().stage("09:00").knows("09:30", size=5000), given) == "Mon 09:15"
    assert due(Told().knows("08:00", size=1).stage("09:00").knows("09:30", size=5000), given) == "Mon 10:00"


@pytest.mark.parametrize(
    ("restart", "deadline", "held"),
    [(False, "Mon 13:30", {"max": 30, "eva": 0}), (True, "Mon 14:00", {"max": 30, "eva": 0})],
)
def test_reassignment_in_mid_clock(restart: bool, deadline: str, held: dict[str, int]) -> None:
    told = Told().owner("09:00").stage("09:00").owner("09:30", EVA)
    (found,) = judged(told, agreement(clock(restart=restart)), "12:00")
    assert f"{found.deadline:%a %H:%M}" == deadline
    assert {holder: times[0].seconds // 60 for holder, times in found.held.items()} == held
    assert found.held["eva"][1] == dt.timedelta(hours=2, minutes=30)


def test_a_computed_instant_stands_whoever_owns_the_lead_later() -> None:
    told = Told().owner("09:00").stage("09:00").owner("09:30", EVA)
    assert due(told, agreement(clock(target="1 at 10:00"))) == "Tue 10:00"


def test_a_computed_instant_moves_by_the_open_time_of_pauses() -> None:
    paused = agreement(clock(target="1 at 10:00", pause={"stage": ["sal"]}))
    told = Told().stage("09:00").stage("16:00", "sal").stage("18:00")
    assert due(told, paused) == "Tue 11:00"
    told = Told().stage("09:00").stage("17:00", "sal").stage("19:00")
    assert due(told, paused) == "Tue 10:00"


def test_shares_of_a_computed_instant_are_of_the_business_time_up_to_it() -> None:
    warned = clock(target="1 at 10:00", warnings=(Warn(percent=50),))
    (found,) = judged(Told().stage("16:00"), agreement(warned), "16:00")
    assert found.warnings == (("50%", utc("17:00")),)


def test_while_paused_no_time_counts_and_nothing_is_broken() -> None:
    told = Told().stage("09:00").stage("09:30", "sal")
    paused = agreement(clock(pause={"stage": ["sal"]}))
    (found,) = judged(told, paused, "2024-01-10 12:00")
    assert (found.state, found.deadline) == ("paused", utc("10:00"))
    assert (found.used, found.wall) == (dt.timedelta(minutes=30), dt.timedelta(days=2, hours=3))


def test_what_was_broken_before_the_pause_stays_broken() -> None:
    told = Told().stage("09:00").stage("10:30", "sal")
    (found,) = judged(told, agreement(clock(pause={"stage": ["sal"]})), "12:00")
    assert (found.state, found.breached_at) == ("breached", utc("10:00"))


def test_a_pause_lasts_until_the_resume_that_is_declared() -> None:
    told = Told().stage("09:00").stage("09:15", "sal").stage("09:30").add(lead.LeadAccepted, "09:45")
    resumed = clock(pause={"stage": ["sal"]}, resume={"event": "lead.accepted"})
    assert due(told, agreement(resumed)) == "Mon 10:30"


def away(*absences: Window) -> Agreement:
    """Max is away, and the clock counts in the owner's hours."""
    people = (Member(id="max", crm="u-max", team="sales", absences=absences),)
    return agreement(clock(calendar="owner"), people=people)


def test_an_absence_closes_the_persons_own_calendar() -> None:
    told = Told().owner("09:00").stage("09:00")
    assert due(told, away(window("2024-01-08", "2024-01-10"))) == "Wed 10:00"
    assert due(told, away(window("09:30", "11:00"))) == "Mon 11:30"
    of_team = away(window("09:30", "11:00"))
    team = agreement(clock(), people=of_team.people)
    assert due(told, team) == "Mon 10:00"


def exempted(effect: str, start: str, end: str, **said: object) -> Agreement:
    """An agreement with an exception."""
    one = Exempt(window=window(start, end), effect=effect, **said)  # type: ignore[arg-type]  # said by the test
    return agreement(clock(), exceptions=(one,))


def test_in_an_exception_no_time_counts_for_holders_of_its_teams() -> None:
    told = Told().owner("09:00").stage("09:00")
    assert due(told, exempted("pause", "09:30", "11:00")) == "Mon 11:30"
    assert due(told, exempted("pause", "09:30", "11:00", teams=("sales",))) == "Mon 11:30"
    assert due(told, exempted("pause", "09:30", "11:00", teams=("evening",))) == "Mon 10:00"
    assert due(told, exempted("pause", "09:30", "11:00", clocks=("other",))) == "Mon 10:00"
    assert due(told, exempted("pause", "09:30", "11:00", segments=("big",))) == "Mon 10:00"
    assert due(told, exempted("pause", "09:30", "11:00", sources=("other",))) == "Mon 10:00"


@pytest.mark.parametrize(
    ("start", "end", "state"),
    [("10:00", "11:00", "excused"), ("09:00", "10:00", "excused"), ("10:15", "11:00", "breached")],
)
def test_a_breach_in_an_exception_is_excused_both_ends_included(start: str, end: str, state: str) -> None:
    told = Told().owner("09:00").stage("09:00")
    (found,) = judged(told, exempted("excuse", start, end), "12:00")
    assert found.state == state
    assert (found.charged is None) == (state == "excused")


def test_what_is_not_broken_needs_no_excuse() -> None:
    told = Told().owner("09:00").stage("09:00").touch("10:00")
    (found,) = judged(told, exempted("excuse", "09:00", "11:00"), "12:00")
    assert found.state == "met"


@pytest.mark.parametrize(
    ("blame", "charged"), [("first_holder", "max"), ("longest_holder", "q"), ("holder_at_deadline", "eva")]
)
def test_the_breach_is_charged_by_the_rule(blame: str, charged: str) -> None:
    told = Told().owner("13:00").stage("13:00").owner("13:10", QUEUE).owner("13:40", EVA)
    (found,) = judged(told, agreement(clock(blame=blame)), "15:00")
    assert charge(found) == ("breached", "14:00", charged)


def test_of_equals_the_later_is_charged() -> None:
    told = Told().owner("13:00").stage("13:00").owner("13:30", EVA)
    (found,) = judged(told, agreement(clock(blame="longest_holder")), "15:00")
    assert charge(found) == ("breached", "14:00", "eva")


def test_whoever_takes_over_at_the_very_deadline_is_not_charged() -> None:
    told = Told().owner("09:00").stage("09:00").owner("10:00", QUEUE)
    (found,) = judged(told, agreement(clock()), "11:00")
    assert charge(found) == ("breached", "10:00", "max")


def charge(found: Verdict) -> tuple[str, str, str | None]:
    """State, time of the breach, who is charged."""
    assert found.breached_at is not None
    return found.state, f"{found.breached_at:%H:%M}", found.charged


@pytest.mark.parametrize(("held_by", "holder"), [("marketing", "marketing"), ("evening", "evening"), ("owner", "max")])
def test_who_holds_it(held_by: str, holder: str) -> None:
    told = Told().owner("09:00", MAX).stage("09:00")
    (found,) = judged(told, agreement(clock(held_by=held_by)), "15:00")
    assert list(found.held) == [holder]
    assert f"{found.deadline:%H:%M}" == ("14:00" if held_by == "evening" else "10:00")


def test_done_at_the_very_deadline_is_met_and_a_microsecond_later_is_late() -> None:
    for at, state in (("10:00:00", "met"), ("10:00:00.000001", "met_late")):
        (found,) = judged(Told().stage("09:00").touch(at), agreement(clock()), "12:00")
        assert found.state == state
