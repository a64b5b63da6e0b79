"""Measuring a run: its deadline, its warnings, and the business time of everyone who held it."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.events.envelope import Owner
from shared.events.sla import Party
from sla_engine.domain.agreement import OnReassignment
from sla_engine.domain.calendar import REACH_YEARS, Calendar, NeverReached
from sla_engine.domain.durations import Warning_
from sla_engine.domain.instants import DAY
from sla_engine.domain.obligation import Holding, WarningDue
from sla_engine.domain.story import Run


@dataclass(slots=True)
class Turn:
    """Somebody's turn at holding a run; `to_us` None: to the end."""

    since_us: int
    to_us: int | None
    owner: Owner | None
    calendar: Calendar


@dataclass(slots=True)
class Due:
    """When a run is due. `business_us` is the time used at the deadline, counted from the start of the run."""

    deadline_us: int
    business_us: int
    warnings: list[WarningDue]


def due(run: Run, turns: Sequence[Turn], target_us: int) -> Due:
    """Walk through the turns until the target is used up.

    What one holder used stays used when the calendar changes with the next, unless the clock restarts then. A clock
    whose deadline has passed restarts no more.
    """
    restarts = run.clock.on_reassignment is OnReassignment.RESTART
    used_us = before_us = 0
    warnings: list[WarningDue] = []
    for at, turn in enumerate(turns):
        if restarts and at:
            before_us, used_us = before_us + used_us, 0
        end_us = turn.to_us
        if end_us is None:
            break
        spent_us = turn.calendar.elapsed(turn.since_us, end_us)
        if used_us + spent_us >= target_us and (not restarts or _add(turn, target_us - used_us) < end_us):
            break
        _warn(_Stretch(turn, target_us, before_us, used_us, spent_us), run.clock.warnings, warnings)
        used_us += spent_us
    rest_us = target_us - used_us
    deadline_us = _add(turn, rest_us)
    _warn(_Stretch(turn, target_us, before_us, used_us, rest_us), run.clock.warnings, warnings)
    kept = [warning for warning in warnings if warning.at_us < deadline_us]
    kept.sort(key=lambda warning: warning.at_us)
    return Due(deadline_us, before_us + target_us, kept)


@dataclass(slots=True)
class _Stretch:
    """A part of a turn in which `spent_us` pass on top of `used_us`; `before_us` were used before a restart."""

    turn: Turn
    target_us: int
    before_us: int
    used_us: int
    spent_us: int


def _warn(stretch: _Stretch, warnings: Sequence[Warning_], into: list[WarningDue]) -> None:
    """Add the warnings that fall due in this stretch."""
    used_us = stretch.used_us
    for warning in warnings:
        after_us = warning.after_us(stretch.target_us)
        if after_us is not None and used_us < after_us <= used_us + stretch.spent_us:
            at_us = _add(stretch.turn, after_us - used_us)
            into.append(WarningDue(warning.name, at_us, stretch.before_us + after_us))


def _add(turn: Turn, business_us: int) -> int:
    try:
        return turn.calendar.add(turn.since_us, business_us)
    except NeverReached:
        # The check of the agreement makes this a matter of odd dates; such a deadline must not stop a partition.
        return turn.since_us + 366 * REACH_YEARS * DAY


def holdings(turns: Sequence[Turn], holders: Sequence[Party], end_us: int, *, ended: bool) -> tuple[Holding, ...]:
    """Who held the run until `end_us`, and for how long; `ended` False: the last still holds it.

    A turn of no length is left out, unless the whole run has none.
    """
    found: list[Holding] = []
    for turn, holder in zip(turns, holders, strict=True):
        if turn.since_us > end_us or (turn.since_us == end_us and found):
            break
        to_us = end_us if turn.to_us is None or turn.to_us > end_us else turn.to_us
        open_ended = not ended and (turn.to_us is None or turn.to_us > end_us)
        found.append(
            Holding(
                holder=holder,
                since_us=turn.since_us,
                to_us=None if open_ended else to_us,
                business_us=turn.calendar.elapsed(turn.since_us, to_us),
                wall_us=to_us - turn.since_us,
                calendar=turn.calendar.name,
            )
        )
    return tuple(found)
