"""Several editions of an agreement: which one each run belongs to, and what becomes of it when a new one is applied."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from shared.events import lead
from tests.support.oracle.declared import Agreement
from tests.support.oracle.judging import Verdict, term, verdict
from tests.support.oracle.moments import Course, course, in_order
from tests.support.oracle.runs import Run, all_runs
from tests.support.oracle.wall_clock import Grid

Key = tuple[str, int, int]
"""Clock, cycle, round: what makes runs of two editions the same."""


@dataclass(frozen=True, kw_only=True)
class Edition:
    """An agreement, when it was applied, and what that means for open clocks."""

    agreement: Agreement
    applied: dt.datetime
    choice: Literal["keep", "recompute", "restart"] = "recompute"


@dataclass(frozen=True, kw_only=True)
class World:
    """What would have happened had an edition applied always, exceptions being the newest edition's."""

    agreement: Agreement
    told: Course
    runs: dict[Key, Run]


@dataclass(kw_only=True)
class Life:
    """A run, and the world it belongs to."""

    run: Run
    world: World


def verdicts_under(
    events: Iterable[lead.LeadEvent], editions: Sequence[Edition], now: dt.datetime, grid: Grid
) -> list[Verdict]:
    """Every obligation on the lead at `now`; the first edition applies from the beginning of time."""
    facts = in_order(events, now)
    exceptions = editions[-1].agreement.exceptions
    applied = [each for number, each in enumerate(editions) if number == 0 or each.applied <= now]
    lives: dict[Key, Life] = {}
    for number, edition in enumerate(applied):
        world = _world(replace(edition.agreement, exceptions=exceptions), facts, now, grid)
        if number > 0:
            for key, life in lives.items():
                if not _has_ended(life, edition.applied, now, grid):
                    _change(key, life, edition, world, now=now, grid=grid)
        until = applied[number + 1].applied if number + 1 < len(applied) else None
        for key, run in world.runs.items():
            born = (number == 0 or run.start >= edition.applied) and (until is None or run.start < until)
            life = Life(run=run, world=world)
            if born and key not in lives and _judge(life, now, grid) is not None:
                lives[key] = life
    found = [_judge(life, now, grid) for life in lives.values()]
    return [each for each in found if each is not None]


def _world(agreement: Agreement, facts: Sequence[lead.LeadEvent], now: dt.datetime, grid: Grid) -> World:
    told = course(facts, agreement)
    runs = all_runs(told, agreement, term(agreement, grid), now)
    return World(agreement=agreement, told=told, runs={(run.clock, run.cycle, run.round): run for run in runs})


def _judge(life: Life, now: dt.datetime, grid: Grid) -> Verdict | None:
    return verdict(life.run, life.world.told, life.world.agreement, now, grid)


def _has_ended(life: Life, at: dt.datetime, now: dt.datetime, grid: Grid) -> bool:
    if life.run.ended is not None and life.run.ended <= at:
        return True
    found = _judge(life, now, grid)
    return found is not None and found.state == "excused" and found.deadline <= at


def _change(key: Key, life: Life, edition: Edition, world: World, *, now: dt.datetime, grid: Grid) -> None:
    """What a new edition does to a run that is open."""
    at = edition.applied
    promised = any(clock.id == key[0] for clock in world.agreement.clocks)
    if promised and edition.choice == "keep":
        return
    run = world.runs.get(key)
    if not promised or run is None or _judge(Life(run=run, world=world), now, grid) is None:
        life.run = _cancelled(life.run, at)
        return
    restarts = edition.choice == "restart" and run.start < at and (run.ended is None or run.ended > at)
    life.run, life.world = replace(run, anew=at if restarts else None), world


def _cancelled(run: Run, at: dt.datetime) -> Run:
    return replace(
        run,
        end="cancelled",
        ended=at,
        owners=[turn for turn in run.owners if turn[0] <= at],
        pauses=[(since, min(to or at, at)) for since, to in run.pauses if since <= at],
    )
