"""Measuring a run: its deadline, its warnings, and the business time of everyone who held it."""

from collections.abc import Sequence

import msgspec

from sla_engine.domain.calendar import REACH_YEARS, Calendar, NeverReached
from sla_engine.domain.durations import Appointment, Warning_
from sla_engine.domain.instants import DAY
from sla_engine.domain.obligation import Holding, WarningDue
from sla_engine.domain.seats import Seat

Gap = tuple[int, int]
"""From one instant to another no time counts."""


class Turn(msgspec.Struct, gc=False):
    """Somebody's turn at holding a run; `to_us` None: to the end. In `gaps`, in order and apart, no time counts.

    `restarts`: the clock starts anew with this turn, if its deadline has not passed.
    """

    since_us: int
    to_us: int | None
    seat: Seat
    calendar: Calendar
    gaps: tuple[Gap, ...] = ()
    restarts: bool = False

    def elapsed(self, until_us: int) -> int:
        """The time that counted from the turn's beginning to an instant."""
        spent_us = self.calendar.elapsed(self.since_us, until_us)
        for from_us, to_us in self.gaps:
            if from_us < until_us:
                spent_us -= self.calendar.elapsed(max(from_us, self.since_us), min(to_us, until_us))
        return spent_us

    def after(self, counted_us: int) -> int:
        """The instant at which so much time has counted since the turn's beginning."""
        at_us = _add(self.calendar, self.since_us, counted_us)
        for from_us, to_us in self.gaps:
            from_us = max(from_us, self.since_us)  # noqa: PLW2901 - a gap counts from the turn's beginning on
            if from_us >= at_us or to_us <= from_us:
                continue
            counted_us += self.calendar.elapsed(from_us, to_us)
            at_us = _add(self.calendar, self.since_us, counted_us)
        return at_us


class Due(msgspec.Struct, gc=False):
    """When a run is due. `business_us` is the time used at the deadline, counted from the start of the run.

    `target_since_us` is since when the target runs: the start, or the last restart of the clock.
    """

    deadline_us: int
    target_us: int
    business_us: int
    warnings: list[WarningDue]
    target_since_us: int


def due(
    turns: Sequence[Turn], promised: int | Appointment, warnings: Sequence[Warning_], stopped_us: int | None
) -> Due:
    """Walk through the turns until what is promised (so much business time, or an appointment) is used up.

    What one holder used stays used when the calendar changes with the next, unless the clock restarts then. A clock
    whose deadline has passed restarts no more.
    """
    if isinstance(promised, Appointment):
        return _due_at(turns, promised, warnings, stopped_us)
    found: list[WarningDue] = []
    if len(turns) == 1:  # nearly every run
        only = _Stretch(turns[0], promised, 0, 0, promised, stopped_us)
        return _finish(only, warnings, found, turns[0].since_us)
    used_us = before_us = 0
    since_us = turns[0].since_us
    for at, turn in enumerate(turns):
        if turn.restarts and at:
            before_us, used_us, since_us = before_us + used_us, 0, turn.since_us
        end_us = turn.to_us
        if end_us is None:
            break
        spent_us = turn.elapsed(end_us)
        anew = turns[at + 1].restarts
        if used_us + spent_us >= promised and (not anew or turn.after(promised - used_us) < end_us):
            break
        _warn(_Stretch(turn, promised, before_us, used_us, spent_us, stopped_us), warnings, found)
        used_us += spent_us
    rest_us = promised - used_us
    return _finish(_Stretch(turn, promised, before_us, used_us, rest_us, stopped_us), warnings, found, since_us)


def _due_at(turns: Sequence[Turn], promised: Appointment, warnings: Sequence[Warning_], stopped_us: int | None) -> Due:
    """An appointment stands whoever holds the run; pauses move it by the time that they took from its calendar."""
    found: list[WarningDue] = []
    whole, target_us, deadline_us = _appointed(turns, promised)
    for at, turn in enumerate(turns):
        if at and turn.restarts and deadline_us >= turn.since_us:
            # what was warned of at the very instant of the restart was warned of
            found += _warned(whole, target_us, warnings, stopped_us, _counted(turns, whole.since_us), turn.since_us + 1)
            whole, target_us, deadline_us = _appointed(turns[at:], promised)
    found += _warned(whole, target_us, warnings, stopped_us, _counted(turns, whole.since_us), deadline_us)
    return Due(deadline_us, target_us, _counted(turns, deadline_us), sorted(found, key=_when), whole.since_us)


def _warned(  # noqa: PLR0917 - the measures of one appointment
    whole: Turn, target_us: int, warnings: Sequence[Warning_], stopped_us: int | None, before_us: int, until_us: int
) -> list[WarningDue]:
    """The warnings of an appointment that fall before an instant."""
    found: list[WarningDue] = []
    _warn(_Stretch(whole, target_us, before_us, 0, target_us, stopped_us), warnings, found)
    return [each for each in found if each.at_us < until_us]


def _appointed(turns: Sequence[Turn], promised: Appointment) -> tuple[Turn, int, int]:
    """The appointment made at the beginning of the first of the turns: all of them as one in its calendar, the open
    time up to it, and when it is by what pauses took away."""
    first = turns[0]
    calendar, since_us = first.calendar, first.since_us
    whole = Turn(since_us, None, first.seat, calendar, tuple([gap for turn in turns for gap in turn.gaps]))
    try:
        instant_us = calendar.appointment(since_us, promised.business_days, promised.minute)
    except NeverReached:
        instant_us = since_us + 366 * REACH_YEARS * DAY
    deadline_us, lost_us = instant_us, 0
    for from_us, to_us in whole.gaps:
        if from_us < deadline_us and calendar.elapsed(from_us, deadline_us):
            lost_us += calendar.elapsed(from_us, to_us)
            deadline_us = _add(calendar, instant_us, lost_us)
    return whole, calendar.elapsed(since_us, instant_us), deadline_us


def _counted(turns: Sequence[Turn], until_us: int) -> int:
    total_us = 0
    for turn in turns:
        if turn.since_us >= until_us:
            break
        total_us += turn.elapsed(until_us if turn.to_us is None else min(turn.to_us, until_us))
    return total_us


class _Stretch(msgspec.Struct, gc=False):
    """A part of a turn in which `spent_us` pass on top of `used_us`; `before_us` were used before a restart."""

    turn: Turn
    target_us: int
    before_us: int
    used_us: int
    spent_us: int
    stopped_us: int | None


def _finish(stretch: _Stretch, due_warnings: Sequence[Warning_], warnings: list[WarningDue], since_us: int) -> Due:
    """The stretch in which the rest of the target is used up."""
    turn = stretch.turn
    deadline_us = turn.after(stretch.spent_us) if turn.gaps else _add(turn.calendar, turn.since_us, stretch.spent_us)
    _warn(stretch, due_warnings, warnings)
    if warnings and (len(warnings) > 1 or warnings[0].at_us >= deadline_us):
        warnings = [warning for warning in warnings if warning.at_us < deadline_us]
        warnings.sort(key=_when)
    return Due(deadline_us, stretch.target_us, stretch.before_us + stretch.target_us, warnings, since_us)


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
        at_us = stretch.turn.after(after_us - used_us)
        if stopped_us is None or at_us < stopped_us:
            into.append(WarningDue(warning.name, at_us, stretch.before_us + after_us))


def _add(calendar: Calendar, since_us: int, business_us: int) -> int:
    try:
        return calendar.add(since_us, business_us)
    except NeverReached:
        # The check of the agreement makes this a matter of odd dates; such a deadline must not stop a partition.
        return since_us + 366 * REACH_YEARS * DAY


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
                business_us=turn.elapsed(until_us),
                wall_us=until_us - since_us,
                calendar=turn.calendar.spec.name,
                gaps=turn.gaps,
            )
        )
    return tuple(found)
