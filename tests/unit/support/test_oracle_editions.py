"""The oracle by itself: editions of an agreement, sentence by sentence of docs/clocks.md."""

import datetime as dt
from typing import Literal

import pytest

from tests.support.oracle.declared import Agreement
from tests.support.oracle.editions import Edition, verdicts_under
from tests.support.oracle.judging import Verdict
from tests.support.oracle.wall_clock import Grid
from tests.unit.support.telling import EVA, MAX, Told, agreement, clock, runs, utc

Choice = Literal["keep", "recompute", "restart"]
CHOICES: tuple[Choice, ...] = ("keep", "recompute", "restart")
HOUR = agreement(clock(calendar="always"))


def under(told: Told, now: str, *later: tuple[str, Agreement, Choice]) -> list[Verdict]:
    """The first edition is an hour, around the clock; what the oracle says under it and later ones."""
    first = utc("2024-01-08 00:00")
    grid = Grid(first - dt.timedelta(days=4), first + dt.timedelta(days=40), 15)
    editions = [Edition(agreement=HOUR, applied=grid.first)]
    editions += [Edition(agreement=by, applied=utc(at), choice=choice) for at, by, choice in later]
    return verdicts_under(told.events, editions, utc(now), grid)


def of(target: str) -> Agreement:
    """The same clock with another target."""
    return agreement(clock(calendar="always", target=target))


@pytest.mark.parametrize(
    ("choice", "deadline", "started"),
    [("keep", "10:00", "09:00"), ("recompute", "11:00", "09:00"), ("restart", "11:30", "09:00")],
)
def test_an_open_run_follows_the_choice(choice: Choice, deadline: str, started: str) -> None:
    (found,) = under(Told().stage("09:00"), "09:45", ("09:30", of("120m"), choice))
    assert (f"{found.deadline:%H:%M}", f"{found.started:%H:%M}") == (deadline, started)


@pytest.mark.parametrize("choice", CHOICES)
def test_what_was_done_by_then_never_changes(choice: Choice) -> None:
    told = Told().stage("09:00").touch("09:30")
    (found,) = under(told, "12:00", ("09:30", of("10m"), choice))
    assert (found.state, f"{found.deadline:%H:%M}") == ("met", "10:00")


@pytest.mark.parametrize("choice", CHOICES)
def test_a_run_whose_clock_is_gone_is_cancelled(choice: Choice) -> None:
    (found,) = under(
        Told().stage("09:00"), "12:00", ("09:30", agreement(clock("other", start={"stage": ["x"]})), choice)
    )
    assert (found.state, found.stopped) == ("cancelled", utc("09:30"))


@pytest.mark.parametrize(
    ("choice", "state"), [("keep", "breached"), ("recompute", "cancelled"), ("restart", "cancelled")]
)
def test_a_run_that_the_new_edition_would_not_have_is_cancelled_unless_kept(choice: Choice, state: str) -> None:
    never = agreement(clock(calendar="always", start={"stage": ["sql"]}))
    (found,) = under(Told().stage("09:00"), "12:00", ("09:30", never, choice))
    assert found.state == state


def test_what_is_broken_and_not_done_is_open() -> None:
    (found,) = under(Told().stage("09:00"), "12:00", ("11:00", of("240m"), "recompute"))
    assert (found.state, f"{found.deadline:%H:%M}") == ("on_track", "13:00")


def test_nobody_promised_before_an_edition_what_only_it_would_have_promised() -> None:
    two = agreement(clock(calendar="always"), clock("second", calendar="always", times=2, start={"touch": {}}))
    told = Told().stage("09:00").touch("09:10", by=MAX).touch("09:50", by=EVA)
    found = under(told, "12:00", ("09:30", two, "recompute"))
    assert runs(found) == [("answer", 1, 1, "met", "09:00"), ("second", 1, 2, "met", "09:50")]


def test_a_restarted_run_is_held_on_by_whoever_held_it_and_what_was_used_is_charged() -> None:
    told = Told().owner("08:00", MAX).stage("09:00").owner("09:15", EVA)
    (found,) = under(told, "12:00", ("09:30", of("60m"), "restart"))
    assert (found.breached_at, found.charged) == (utc("10:30"), "eva")
    assert found.held["max"][0] == dt.timedelta(minutes=15)
    assert found.wall == dt.timedelta(hours=3)


def test_a_late_event_is_judged_by_the_edition_that_the_run_belonged_to() -> None:
    told = Told().stage("09:00").touch("10:30")
    (found,) = under(told, "12:00", ("11:00", of("120m"), "recompute"))
    assert found.state == "met_late"


def test_an_edition_still_to_come_changes_nothing() -> None:
    (found,) = under(Told().stage("09:00"), "09:15", ("09:30", of("10m"), "recompute"))
    assert f"{found.deadline:%H:%M}" == "10:00"
