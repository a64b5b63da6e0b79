"""Measuring a run: its deadline, its warnings, and the business time of everyone who held it."""

from collections.abc import Sequence

import msgspec

from sla_engine.domain.agreement import OnReassignment
from sla_engine.domain.calendar import REACH_YEARS, Calendar, NeverReached
from sla_engine.domain.durations import Warning_
from sla_engine.domain.instants import DAY
from sla_engine.domain.obligation import Holding, WarningDue
from sla_engine.domain.seats import Seat
from sla_engine.domain.story import Run


class Turn(msgspec.Struct, gc=False):
    """Somebody's turn at holding a run; `to_us` None: to the end."""

    since_us: int
    to_us: int | None
    seat: Seat
    calendar: Calendar


class Due(msgspec.Struct, gc=False):
    """When a run is due. `business_us` is the time used at the deadline, counted from the start of the run.

    `target_since_us` is since when the target runs: the start, or the last reassignment that restarted the clock.
    """

    deadline_us: int
    business_us: int
    warnings: list[WarningDue]
    target_since_us: int


def due(run: Run, turns: Sequence[Turn], target_us: int) -> Due:
    """Walk through the turns until the target is used up.

    What one holder used stays used when the calendar changes with the next, unless the clock restarts then. A clock
    whose deadline has passed restarts no more.
    """
    warnings: list[WarningDue] = []
    used_us = before_us = 0
    if len(turns) == 1:  # nearly every run
        only = _Stretch(turns[0], target_us, 0, 0, target_us, run.stopped_us)
        return _finish(only, run.clock.warnings, warnings, run.started_us)
    restarts = run.clock.on_reassignment is OnReassignment.RESTART
    for at, turn in enumerate(turns):
        if restarts and at:
            before_us, used_us = before_us + used_us, 0
        end_us = turn.to_us
        if end_us is None:
            break
        spent_us = turn.calendar.elapsed(turn.since_us, end_us)
        if used_us + spent_us >= target_us and (not restarts or _add(turn, target_us - used_us) < end_us):
            break
        _warn(_Stretch(turn, target_us, before_us, used_us, spent_us, run.stopped_us), run.clock.warnings, warnings)
        used_us += spent_us
    rest_us = target_us - used_us
    last = _Stretch(turn, target_us, before_us, used_us, rest_us, run.stopped_us)
    return _finish(last, run.clock.warnings, warnings, turn.since_us if restarts else run.started_us)


class _Stretch(msgspec.Struct, gc=False):
    """A part of a turn in which `spent_us` pass on top of `used_us`; `before_us` were used before a restart."""

    turn: Turn
    target_us: int
    before_us: int
    used_us: int
    spent_us: int
    stopped_us: int | None


def _finish(
    stretch: _Stretch, due_warnings: Sequence[Warning_], warnings: list[WarningDue], target_since_us: int
) -> Due:
    """The stretch in which the rest of the target is used up."""
    deadline_us = _add(stretch.turn, stretch.spent_us)
    _warn(stretch, due_warnings, warnings)
    if warnings and (len(warnings) > 1 or warnings[0].at_us >= deadline_us):
        warnings = [warning for warning in warnings if warning.at_us < deadline_us]
        warnings.sort(key=_when)
    return Due(deadline_us, stretch.before_us + stretch.target_us, warnings, target_since_us)


def _when(warning: WarningDue) -> int:
    return warning.at_us


def _warn(stretch: _Stretch, warnings: Sequence[Warning_], into: list[WarningDue]) -> None:
    """Add the warnings that fall due in this stretch, before the run was stopped."""
    used_us, stopped_us = stretch.used_us, stretch.stopped_us
    for warning in warnings:
        after_us = warning.after_us(stretch.target_us)
        if after_us is None or not used_us < after_us <= used_us + stretch.spent_us:
            continue
        if stopped_us is not None and stretch.turn.since_us + after_us - used_us >= stopped_us:
            continue  # business time never runs faster than the wall clock: no calendar need be asked
        at_us = _add(stretch.turn, after_us - used_us)
        if stopped_us is None or at_us < stopped_us:
            into.append(WarningDue(warning.name, at_us, stretch.before_us + after_us))


def _add(turn: Turn, business_us: int) -> int:
    try:
        return turn.calendar.add(turn.since_us, business_us)
    except NeverReached:
        # The check of the agreement makes this a matter of odd dates; such a deadline must not stop a partition.
        return turn.since_us + 366 * REACH_YEARS * DAY


def holdings(turns: Sequence[Turn], end_us: int, *, ended: bool) -> tuple[Holding, ...]:
    """Who held the run until `end_us`, and for how long; `ended` False: the last still holds it.

    A turn of no length is left out, unless the whole run has none.
    """
    found: list[Holding] = []
    for turn in turns:
        since_us, to_us = turn.since_us, turn.to_us
        if since_us >= end_us and (found or since_us > end_us):
            break
        last = to_us is None or to_us > end_us
        until_us = end_us if last or to_us is None else to_us
        found.append(
            Holding(
                holder=turn.seat.holder,
                since_us=since_us,
                to_us=until_us if ended or not last else None,
                business_us=turn.calendar.elapsed(since_us, until_us),
                wall_us=until_us - since_us,
                calendar=turn.calendar.spec.name,
            )
        )
    return tuple(found)
