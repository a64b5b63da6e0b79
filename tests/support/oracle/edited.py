"""Made-up histories in the middle of which the agreement is edited, once or twice."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.events import lead
from tests.support.oracle.cases import MICROSECOND
from tests.support.oracle.declared import Agreement, Clock, Member
from tests.support.oracle.editions import Edition, verdicts_under
from tests.support.oracle.invented import (
    FAR_DAYS_AFTER,
    LONG_AFTER,
    Dice,
    invention,
    marks,
    random_absence,
    random_clock,
    random_exception,
)
from tests.support.oracle.judging import verdicts
from tests.support.oracle.wall_clock import Grid

NAMES = ("one", "two", "three")


@dataclass(frozen=True, kw_only=True)
class Edited:
    """Editions of an agreement, a history, and the instants at which it is judged."""

    seed: int
    editions: tuple[Edition, ...]
    events: tuple[lead.LeadEvent, ...]
    nows: tuple[dt.datetime, ...]
    grid: Grid
    base: dt.date


def edited(seed: int) -> Edited:
    """The case of this seed."""
    given = invention(seed)
    dice = Dice(f"edited {seed}")
    last = given.nows[-1]
    found = marks(verdicts(given.events, given.agreement, last, given.grid)) or [last]
    instants = {_near(dice, [at for at in found if at <= last] or [last]) for _ in range(dice.choice((1, 1, 2)))}
    editions = [Edition(agreement=given.agreement, applied=given.grid.first)]
    for number, at in enumerate(sorted(instants)):
        agreement = _another(dice, editions[-1].agreement, version=str(number + 2), base=given.base)
        editions.append(Edition(agreement=agreement, applied=at, choice=dice.choice(("keep", "recompute", "restart"))))
    nows = {dice.choice(sorted(instants)), *given.nows}
    grid = given.grid
    try:
        verdicts_under(given.events, editions, last + LONG_AFTER, grid)
    except IndexError:  # some hours are so short that a deadline lies further ahead
        grid = Grid(grid.first, grid.first + dt.timedelta(days=FAR_DAYS_AFTER), 15)
    return Edited(
        seed=seed,
        editions=tuple(editions),
        events=given.events,
        nows=tuple(sorted(nows)),
        grid=grid,
        base=given.base,
    )


def _near(dice: Dice, at: Sequence[dt.datetime]) -> dt.datetime:
    """An instant at which something happens, or beside it."""
    return dice.choice(at) + dice.choice(
        (dt.timedelta(), MICROSECOND, -MICROSECOND, dt.timedelta(hours=dice.randrange(-9, 9), minutes=7))
    )


def _another(dice: Dice, agreement: Agreement, version: str, base: dt.date) -> Agreement:
    """The same with some clocks changed, gone or new, and perhaps other exceptions."""
    clocks = [
        changed
        for clock in agreement.clocks
        if dice.random() < 0.85 and (changed := _changed(dice, clock, agreement)) is not None
    ]
    while any(not clock.waits_for <= {each.id for each in clocks} for clock in clocks):
        clocks = [clock for clock in clocks if clock.waits_for <= {each.id for each in clocks}]
    clocks = clocks or list(agreement.clocks)
    if dice.random() < 0.3:
        clocks.append(random_clock(dice, f"clock_{version}0", NAMES, [clocks[0].id]))
    exceptions = agreement.exceptions
    if dice.random() < 0.4:
        exceptions = tuple(random_exception(dice, clocks, base) for _ in range(dice.choice((0, 1, 2))))
    known = {clock.id for clock in clocks}
    exceptions = tuple(each for each in exceptions if set(each.clocks) <= known)
    people = agreement.people if dice.random() < 0.7 else tuple(_absent(dice, each, base) for each in agreement.people)
    said = replace(agreement, clocks=tuple(clocks), exceptions=exceptions, people=people, version=version, moved={})
    return said if dice.random() < 0.8 else replace(said, last_day=base + dt.timedelta(days=dice.randrange(2, 8)))


def _absent(dice: Dice, person: Member, base: dt.date) -> Member:
    """Away at other times."""
    return replace(person, absences=tuple(random_absence(dice, base) for _ in range(dice.choice((0, 1, 2)))))


def _changed(dice: Dice, clock: Clock, agreement: Agreement) -> Clock:
    """Some of what it says is said otherwise."""
    other = random_clock(dice, clock.id, NAMES, [each.id for each in agreement.clocks[:0]])
    fields = [
        name
        for name in ("targets", "stop", "start", "cancel", "calendar", "held_by", "restart", "blame", "times")
        if dice.random() < 0.2
    ]
    said: dict[str, object] = {name: getattr(other, name) for name in fields}
    if "targets" in said:
        said["warnings"] = other.warnings
    return replace(clock, **said)  # type: ignore[arg-type]  # fields of a clock, by name
