"""The agreement of the chaos runs, with targets of seconds, and what the oracle says about a history under it.

The only file here that knows the oracle.
"""

import datetime as dt
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from shared.events.lead import LeadEvent
from tests.support.oracle.cases import PEOPLE
from tests.support.oracle.paper import Paper, Person, Promise, Warn, as_text
from tests.support.oracle.verdicts import Answer, answers
from tests.support.oracle.wall_clock import Grid, Hours

QUEUE = "q1"
ALL_DAY = ((0, 24 * 60),)
TICK_MINUTES = 15
LONGEST_TARGET_SECONDS = 6


class Fact(NamedTuple):
    """What may be announced of a lead: of which clock and cycle, which transition, which instant it names."""

    clock: str
    cycle: int
    word: str
    at: dt.datetime
    warning: str = ""


@dataclass(frozen=True, kw_only=True)
class Filed:
    """A promise as it must stand in the database in the end."""

    state: str
    started: dt.datetime
    deadline: dt.datetime
    stopped: dt.datetime | None


class Promises:
    """The agreement that belongs to a seed. `day`: any instant near those that are asked about."""

    def __init__(self, seed: int, *, day: dt.datetime) -> None:
        dice = random.Random(seed)
        self._paper = Paper(
            zone="UTC",
            hours={"one": Hours(name="one", zone="UTC", week=dict.fromkeys(range(7), ALL_DAY))},
            default_hours="one",
            teams={"red": "one", "green": "one"},
            queues={QUEUE: "red"},
            people=tuple(Person(id=f"p{each}", crm=each, team="red") for each in PEOPLE),
            marketing_team="green",
            sales_team="red",
            segments=(("big", 250),),
            handoff=_promise(dice, "handoff", seconds=4),
            first_touch=_promise(dice, "first_touch", seconds=LONGEST_TARGET_SECONDS),
        )
        self._grid = Grid(day - dt.timedelta(days=1), day + dt.timedelta(days=2), TICK_MINUTES)

    @property
    def text(self) -> str:
        """The agreement file."""
        said = json.loads(as_text(self._paper))
        for clock in ("handoff", "first_touch"):
            said["clocks"][clock]["targets"] = {
                segment: f"{round((minutes or 0) * 60)}s"
                for segment, minutes in self._paper.promise(clock).targets.items()
            }
        return json.dumps(said, indent=1)

    def settle(self, clock: str) -> dt.timedelta:
        """How long a breach of this clock is held back."""
        return dt.timedelta(seconds=self._paper.promise(clock).settle_seconds)

    def facts(self, events: Iterable[LeadEvent], now: dt.datetime) -> frozenset[Fact]:
        """Everything that is true of a lead at `now`, knowing these events; warnings that were due among it."""
        return frozenset(fact for answer in self._answers(events, now) for fact in _facts(answer, now))

    def filed(self, events: Iterable[LeadEvent], now: dt.datetime) -> dict[tuple[str, int], Filed]:
        """Every promise on the lead, by clock and cycle."""
        return {
            (each.clock, each.cycle): Filed(
                state=each.state, started=each.started, deadline=each.deadline, stopped=each.stopped
            )
            for each in self._answers(events, now)
        }

    def _answers(self, events: Iterable[LeadEvent], now: dt.datetime) -> list[Answer]:
        return answers(events, self._paper, now, self._grid)


def _facts(answer: Answer, now: dt.datetime) -> Iterable[Fact]:
    yield Fact(answer.clock, answer.cycle, "opened", answer.started)
    if answer.breached_at is not None:
        yield Fact(answer.clock, answer.cycle, "breached", answer.breached_at)
    if answer.stopped is not None:
        yield Fact(answer.clock, answer.cycle, answer.state, answer.stopped)
    for name, at in answer.warnings:
        if at <= now:
            yield Fact(answer.clock, answer.cycle, "at_risk", at, name)


def _promise(dice: random.Random, clock: str, *, seconds: int) -> Promise:
    return Promise(
        clock=clock,
        targets={"default": seconds / 60, "big": (seconds - 1) / 60},
        calendar="always",
        warnings=(Warn(percent=50),),
        settle_seconds=dice.choice((0, 1, 2)),
        restart=clock == "first_touch" and dice.random() < 0.3,
        by_owner=clock == "first_touch" and dice.random() < 0.3,
    )
