"""The oracle's verdict on clocks declared one by one."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shared.events import lead
from tests.support.oracle.conditions import Asking, holds
from tests.support.oracle.declared import Agreement, Clock, Exempt, Target
from tests.support.oracle.measuring import Place, Span, Stillness, Walked, walk
from tests.support.oracle.moments import Course, course, in_order
from tests.support.oracle.runs import Run, Term, all_runs
from tests.support.oracle.seats import Seat, seats
from tests.support.oracle.wall_clock import Grid

NONE: tuple[Target, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One obligation, as far as it is compared."""

    clock: str
    cycle: int
    round: int
    segment: str
    state: str
    started: dt.datetime
    deadline: dt.datetime
    stopped: dt.datetime | None
    breached_at: dt.datetime | None
    charged: str | None
    used: dt.timedelta
    wall: dt.timedelta
    held: dict[str, tuple[dt.timedelta, dt.timedelta]]
    warnings: tuple[tuple[str, dt.datetime], ...]
    pauses: tuple[tuple[dt.datetime, dt.datetime | None], ...]

    @property
    def given(self) -> list[dt.datetime]:
        """The instants at which a warning is given, once they have come: none in a pause that lasts."""
        since = self.pauses[-1][0] if self.state == "paused" else None
        return [at for _, at in self.warnings if since is None or at <= since]

    @property
    def said(self) -> set[tuple[str, int, int, str]]:
        """What must stand announced of it long after, warnings apart: clock, cycle, round, word."""
        words = {"opened", *(["breached"] if self.breached_at is not None else [])}
        if self.stopped is not None:
            words.add(self.state)
        return {(self.clock, self.cycle, self.round, word) for word in words}


def verdicts(events: Iterable[lead.LeadEvent], agreement: Agreement, now: dt.datetime, grid: Grid) -> list[Verdict]:
    """Every obligation on the lead at `now`, by clock in the order of the file, then in the order of starting."""
    facts = in_order(events, now)
    told = course(facts, agreement)
    runs = all_runs(told, agreement, term(agreement, grid), now)
    judged = [verdict(run, told, agreement, now, grid) for run in runs]
    return [each for each in judged if each is not None]


def term(agreement: Agreement, grid: Grid) -> Term:
    """From the first midnight of the agreement's term to the midnight after its last day."""

    def midnight(date: dt.date) -> dt.datetime:
        at = dt.datetime.combine(date, dt.time())
        return grid.window((at, at + dt.timedelta(days=1)), agreement.zone)[0]

    first, last = agreement.first_day, agreement.last_day
    return (
        None if first is None else midnight(first),
        None if last is None else midnight(last + dt.timedelta(days=1)),
    )


def verdict(run: Run, told: Course, agreement: Agreement, now: dt.datetime, grid: Grid) -> Verdict | None:
    """What became of one run; None: nothing was promised."""
    clock = agreement.clock(run.clock)
    segment = _segment(run, told, agreement, clock)
    choice = clock.targets.get(segment, NONE)
    if not choice:
        return None
    target = choice[min(run.round if run.stay is not None else run.cycle, len(choice)) - 1]
    seated = seats(run, clock, target, agreement)
    place = Place(grid, agreement.zone)
    ended = run.ended or now
    exempt = [
        Stillness(since=since, to=to, teams=exempt.teams)
        for exempt, (since, to) in _exempt_windows("pause", run, told, segment, agreement=agreement, grid=grid)
    ]

    def measured(end: dt.datetime, pauses: Sequence[tuple[dt.datetime, dt.datetime | None]]) -> Walked:
        still = [*exempt, *(Stillness(since=since, to=to or now) for since, to in pauses)]
        return walk(seated, clock, target, ended=end, stillness=still, place=place, anew=run.anew)

    # paused now: the deadline is told as if the run had gone on when the pause began
    paused_since = run.pauses[-1][0] if run.end is None and run.paused else None
    pauses = run.pauses if paused_since is None else run.pauses[:-1]
    spent, found = measured(ended, run.pauses), measured(ended, pauses)
    assert found.deadline is not None
    late = found.deadline < ended and (paused_since is None or found.deadline <= paused_since)
    team = seated[found.seat_at_deadline].team
    excused = late and any(
        since <= found.deadline <= to and (not exempt.teams or team in exempt.teams)
        for exempt, (since, to) in _exempt_windows("excuse", run, told, segment, agreement=agreement, grid=grid)
    )
    at_deadline = measured(found.deadline, pauses) if late else found
    stopped = run.ended
    if excused:
        spent, stopped = at_deadline, found.deadline
    warned = any(at <= ended for _, at in found.warnings)
    warnings = [each for each in [*found.given, *found.warnings] if stopped is None or each[1] < stopped]
    return Verdict(
        clock=run.clock,
        cycle=run.cycle,
        round=run.round,
        segment=segment,
        state="excused" if excused else _state(run, late=late, warned=warned),
        started=run.start,
        deadline=found.deadline,
        stopped=stopped,
        breached_at=found.deadline if late and not excused else None,
        charged=_charged(clock, seated, at_deadline) if late and not excused else None,
        used=spent.used,
        wall=spent.wall,
        held={holder: times for holder, times in spent.held.items() if times[1]},
        pauses=tuple((since, to) for since, to in run.pauses if stopped is None or since < stopped),
        warnings=tuple(sorted(warnings, key=lambda each: (each[1], each[0]))),
    )


def _state(run: Run, *, late: bool, warned: bool) -> str:
    if run.end == "cancelled":
        return "cancelled"
    if run.end == "done":
        return "met_late" if late else "met"
    if late:
        return "breached"
    if run.paused:
        return "paused"
    return "at_risk" if warned else "on_track"


def _segment(run: Run, told: Course, agreement: Agreement, clock: Clock) -> str:
    """By what was known at the start; an attribute first told later counts as if told then."""
    first = told.after[run.place]
    attributes = dict(first.attributes)
    for later in told.after[run.place + 1 :]:
        for name, value in later.attributes.items():
            attributes.setdefault(name, value)
    asking = Asking(
        agreement=agreement,
        moments=[replace(first, attributes=attributes)],
        place=0,
        since=0,
    )
    for name, when in agreement.segments:
        if name in clock.targets and holds(when, asking):
            return name
    return "default"


def _applies(exempt: Exempt, run: Run, told: Course, segment: str) -> bool:
    return (
        (not exempt.clocks or run.clock in exempt.clocks)
        and (not exempt.sources or told.after[run.place].source in exempt.sources)
        and (not exempt.segments or segment in exempt.segments)
    )


def _exempt_windows(
    effect: str, run: Run, told: Course, segment: str, *, agreement: Agreement, grid: Grid
) -> list[tuple[Exempt, Span]]:
    return [
        (exempt, grid.window(exempt.window, agreement.zone))
        for exempt in agreement.exceptions
        if exempt.effect == effect and _applies(exempt, run, told, segment)
    ]


def _charged(clock: Clock, seated: Sequence[Seat], at_deadline: Walked) -> str:
    had = seated[: at_deadline.seat_at_deadline + 1]
    match clock.blame:
        case "first_holder":
            return had[0].holder
        case "holder_at_deadline":
            return had[-1].holder
        case "longest_holder":
            turns = {seat.holder: number for number, seat in enumerate(had)}
            return max(turns, key=lambda holder: (at_deadline.held.get(holder, (dt.timedelta(),))[0], turns[holder]))
