"""The oracle's verdict: every clock walked tick by tick, with whoever holds it."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.events import lead
from shared.events.envelope import Owner, OwnerKind
from tests.support.oracle.paper import MARKETING, Paper, Person, Promise
from tests.support.oracle.stays import Clock, Telling, in_order
from tests.support.oracle.wall_clock import Grid, Hours

ZERO = dt.timedelta()
Turn = tuple[dt.datetime, str, Hours | None]
"""From when, who holds, in which hours (None: every hour counts)."""


@dataclass(kw_only=True)
class Walk:
    """What a walk along the clock has found so far. `marks`: business time after which each warning is due."""

    start: dt.datetime
    target: dt.timedelta
    marks: list[tuple[str, dt.timedelta]]
    ran: dt.timedelta = ZERO
    used: dt.timedelta = ZERO
    deadline: dt.datetime | None = None
    blamed: str = ""
    warnings: list[tuple[str, dt.datetime]] = field(default_factory=list)
    given: list[tuple[str, dt.datetime]] = field(default_factory=list)
    """Warnings that came before the clock was restarted."""
    held: dict[str, tuple[dt.timedelta, dt.timedelta]] = field(default_factory=dict)
    """Per holder: business time, wall time."""

    def run(self, at: dt.datetime, step: dt.timedelta, holder: str) -> None:
        """Let so much business time pass from `at` on."""
        for name, mark in self.marks:
            if self.ran < mark <= self.ran + step:
                self.warnings.append((name, at + (mark - self.ran)))
        if self.deadline is None and self.ran < self.target <= self.ran + step:
            self.deadline, self.blamed = at + (self.target - self.ran), holder
        self.ran += step

    def hold(self, holder: str, business: dt.timedelta, wall: dt.timedelta) -> None:
        """Charge time before the end to whoever held the clock."""
        before = self.held.get(holder, (ZERO, ZERO))
        self.held[holder] = before[0] + business, before[1] + wall
        self.used += business


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One obligation, as far as it is compared."""

    clock: str
    cycle: int
    segment: str
    state: str
    started: dt.datetime
    deadline: dt.datetime
    stopped: dt.datetime | None
    breached_at: dt.datetime | None
    blamed: str | None
    used: dt.timedelta
    wall: dt.timedelta
    given: list[tuple[str, dt.datetime]] = field(default_factory=list)
    """Warnings that came before the clock was restarted."""
    held: dict[str, tuple[dt.timedelta, dt.timedelta]]
    warnings: tuple[tuple[str, dt.datetime], ...]

    @property
    def said(self) -> set[tuple[str, int, str]]:
        """What must stand announced of it long after, warnings apart: clock, cycle, word."""
        words = {"opened", *(["breached"] if self.breached_at is not None else [])}
        if self.stopped is not None:
            words.add(self.state)
        return {(self.clock, self.cycle, word) for word in words}


def answers(events: Iterable[lead.LeadEvent], paper: Paper, now: dt.datetime, grid: Grid) -> list[Answer]:
    """Every obligation on the lead at `now`, in the order in which they started."""
    clocks = Telling(paper).tell(in_order(events, now))
    return [answer for clock in clocks if (answer := _answer(clock, paper, now, grid)) is not None]


def _answer(clock: Clock, paper: Paper, now: dt.datetime, grid: Grid) -> Answer | None:
    promise = paper.promise(clock.kind)
    segment = _segment(clock.size, paper, promise)
    minutes = promise.targets.get(segment)
    if minutes is None:
        return None
    stopped = clock.met or clock.cancelled
    walk = _walk(clock, paper, dt.timedelta(minutes=minutes), stopped or now, grid)
    assert walk.deadline is not None
    late = walk.deadline < (stopped or now)
    ended = stopped or now
    warnings = [each for each in walk.warnings if stopped is None or each[1] < stopped]
    return Answer(
        clock=clock.kind,
        cycle=clock.cycle,
        segment=segment,
        state=_state(clock, late=late, warned=any(at <= ended for _, at in walk.warnings)),
        started=clock.start,
        deadline=walk.deadline,
        stopped=stopped,
        breached_at=walk.deadline if late else None,
        blamed=walk.blamed if late else None,
        used=walk.used,
        wall=ended - clock.start,
        held={name: (business, wall) for name, (business, wall) in walk.held.items() if wall},
        warnings=tuple(sorted([*walk.given, *warnings], key=lambda each: (each[1], each[0]))),
    )


def _state(clock: Clock, *, late: bool, warned: bool) -> str:
    if clock.cancelled is not None:
        return "cancelled"
    if clock.met is not None:
        return "met_late" if late else "met"
    if late:
        return "breached"
    return "at_risk" if warned else "on_track"


def _walk(clock: Clock, paper: Paper, target: dt.timedelta, ended: dt.datetime, grid: Grid) -> Walk:
    """From the start to the end, and on until the deadline is known; `clock.owners` knows nothing after the end."""
    promise = paper.promise(clock.kind)
    turns = _turns(clock, paper, promise)
    walk = _begin(turns[0], promise, target)
    at, seat = clock.start, 0
    while True:
        while seat + 1 < len(turns) and turns[seat + 1][0] <= at:
            seat += 1
            if promise.restart and not _past(walk.deadline, at):
                walk = _begin_again(walk, _begin(turns[seat], promise, target), at)
        if at >= ended and walk.deadline is not None:
            return walk
        _, holder, hours = turns[seat]
        index = grid.index(at)
        until = grid.instant(index + 1)
        if seat + 1 < len(turns):
            until = min(until, turns[seat + 1][0])
        if at < ended:
            until = min(until, ended)
        step = until - at if grid.open(hours)[index] else ZERO
        walk.run(at, step, holder)
        if at < ended:
            walk.hold(holder, step, until - at)
        at = until


def _begin(turn: Turn, promise: Promise, target: dt.timedelta) -> Walk:
    at, holder, _ = turn
    walk = Walk(start=at, target=target, marks=[(warning.text, warning.used(target)) for warning in promise.warnings])
    if target == ZERO:
        walk.deadline, walk.blamed = at, holder
    return walk


def _begin_again(walk: Walk, fresh: Walk, at: dt.datetime) -> Walk:
    """The whole target lies ahead again; what was used is still charged, and what was warned of was warned of."""
    fresh.used, fresh.held = walk.used, walk.held
    fresh.given = [*walk.given, *(each for each in walk.warnings if each[1] <= at)]
    return fresh


def _past(deadline: dt.datetime | None, at: dt.datetime) -> bool:
    return deadline is not None and deadline < at


def _segment(size: object, paper: Paper, promise: Promise) -> str:
    for name, least in paper.segments:
        if isinstance(size, int) and size >= least and name in promise.targets:
            return name
    return "default"


def _turns(clock: Clock, paper: Paper, promise: Promise) -> list[Turn]:
    if clock.kind == "handoff":
        return [(clock.start, MARKETING, _hours(None, paper, promise))]
    return [(at, _holder(owner, paper), _hours(owner, paper, promise)) for at, owner in clock.owners]


def _holder(owner: Owner | None, paper: Paper) -> str:
    if owner is None:
        return MARKETING
    if owner.kind is OwnerKind.USER:
        for person in paper.people:
            if person.crm == owner.id:
                return person.id
    return owner.id


def _hours(owner: Owner | None, paper: Paper, promise: Promise) -> Hours | None:
    """The hours that count while this owner holds the clock (no owner: marketing does)."""
    if promise.calendar == "always":
        return None
    if promise.calendar not in {"team", "owner"}:
        return paper.hours[promise.calendar]
    person = next((person for person in paper.people if owner is not None and person.crm == owner.id), None)
    team_hours = paper.teams[_team(owner, person, paper)]
    if person is None or promise.calendar == "team":
        return paper.hours[team_hours]
    if person.hours is not None:
        return paper.hours[person.hours]
    return paper.hours_in(team_hours, person.zone) if person.zone is not None else paper.hours[team_hours]


def _team(owner: Owner | None, person: Person | None, paper: Paper) -> str:
    if owner is None:
        return paper.marketing_team
    if person is not None:
        return person.team
    return paper.queues.get(owner.id, paper.sales_team)
