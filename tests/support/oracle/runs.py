"""When the runs of each clock began, paused and ended, and why: docs/clocks.md, Runs, read sentence by sentence."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.events import lead
from shared.events.envelope import Owner
from tests.support.oracle.conditions import Asking, holds
from tests.support.oracle.declared import Agreement, Clock, Condition
from tests.support.oracle.moments import Course

Term = tuple[dt.datetime | None, dt.datetime | None]
"""From when and until when things may start."""


@dataclass(kw_only=True)
class Run:
    """One run of a clock. `stay` is None for a clock per lead.

    `place` is that of the moment at which it began, `since` that of the first moment whose facts it sees.
    """

    clock: str
    cycle: int
    round: int
    stay: int | None
    start: dt.datetime
    place: int
    since: int
    owners: list[tuple[dt.datetime, Owner | None]]
    """Who owned the lead from when on, beginning at the start."""
    pauses: list[tuple[dt.datetime, dt.datetime | None]] = field(default_factory=list)
    ended: dt.datetime | None = None
    end: Literal["done", "cancelled"] | None = None
    anew: dt.datetime | None = None
    """When an edition started the clock anew."""

    @property
    def paused(self) -> bool:
        """Whether it is paused when last seen."""
        return bool(self.pauses) and self.pauses[-1][1] is None


def all_runs(course: Course, agreement: Agreement, term: Term, now: dt.datetime) -> list[Run]:
    """Every run of every clock up to `now`, clock by clock."""
    ended: dict[str, list[dt.datetime]] = {}
    runs: dict[str, list[Run]] = {}
    waiting = list(agreement.clocks)
    while waiting:
        ready = next(clock for clock in waiting if not clock.waits_for & {each.id for each in waiting})
        waiting.remove(ready)
        runs[ready.id] = _Watch(ready, course, agreement, term, ended).watch(now)
        ended[ready.id] = [run.ended for run in runs[ready.id] if run.end == "done" and run.ended is not None]
    return [run for clock in agreement.clocks for run in runs[clock.id]]


class _Watch:
    """Watches one clock through the whole history."""

    def __init__(
        self,
        clock: Clock,
        course: Course,
        agreement: Agreement,
        term: Term,
        ended: Mapping[str, Sequence[dt.datetime]],
    ) -> None:
        self._clock = clock
        self._course = course
        self._agreement = agreement
        self._opens, self._closes = term
        self._ended = ended
        self._runs: list[Run] = []
        self._open: Run | None = None

    def watch(self, now: dt.datetime) -> list[Run]:
        """All its runs, those that are cut off by the agreement's term included."""
        for instant in self._course.instants:
            at = self._course.after[instant.start].at
            self._end_of_term(at - dt.timedelta(microseconds=1))
            self._settle(instant, at)
            self._end_of_term(at)
        self._end_of_term(now)
        return self._runs

    def _end_of_term(self, by: dt.datetime) -> None:
        if self._open is not None and self._closes is not None and self._closes <= by:
            self._end(self._open, "cancelled", self._closes)

    def _settle(self, instant: range, at: dt.datetime) -> None:  # noqa: C901 - the list of docs/clocks.md, one by one
        """What becomes of the clock at the end of an instant."""
        end = instant[-1]
        chained = any(at in self._ended.get(name, ()) for name in self._clock.waits_for)
        told = list(instant) if chained else list(instant[:-1])
        run, begins = self._open, None
        if run is None:
            begins = next((place for place in told if self._starts(place) and self._may_start(place)), None)
            if begins is None:
                return
            run = self._begin(at, begins, end)
            if begins == end:
                self._look_at_the_end(run, at, end)
                return
        sees = [place for place in told if place >= run.since]
        stop = self._first(self._clock.stop, sees, run)
        reset = self._first(self._clock.reset, [place for place in sees if place != begins], run)
        self._change_hands(run, at, sees)
        if stop is not None:
            self._end(run, "done", at)
            again = [place for place in sees if place >= stop and place != begins]
            if any(self._starts(place) and self._may_start(place) for place in again):
                self._follow(run, at, end)
        elif reset is not None:
            self._end(run, "done", at)
            self._follow(run, at, end)
        elif self._is_over(run, end) or self._first(self._clock.cancel, sees, run) is not None:
            self._end(run, "cancelled", at)
        elif self._pauses(sees, run):
            if not run.paused:
                run.pauses.append((at, None))
        elif run.paused and self._resumes(sees, run):
            run.pauses[-1] = (run.pauses[-1][0], at)

    def _look_at_the_end(self, run: Run, at: dt.datetime, end: int) -> None:
        """A run that follows another or a chain sees the state at the end of its instant, and no fact."""

        def by_state(condition: Condition | None) -> bool:
            return condition is not None and holds(condition, self._asking(end, end, ended={}))

        if by_state(self._clock.stop):
            self._end(run, "done", at)
        elif by_state(self._clock.cancel):
            self._end(run, "cancelled", at)
        elif by_state(self._clock.pause):
            run.pauses.append((at, None))

    def _pauses(self, sees: Sequence[int], run: Run) -> bool:
        """Where nothing is said of resuming, it is paused while the condition holds: the last fact decides."""
        looked_at = sees if self._clock.resume is not None else sees[-1:]
        return self._first(self._clock.pause, looked_at, run) is not None

    def _resumes(self, sees: Sequence[int], run: Run) -> bool:
        return self._clock.resume is None or self._first(self._clock.resume, sees, run) is not None

    def _starts(self, place: int) -> bool:
        """Whether the start becomes true by this fact."""
        now = self._course.after[place]
        per_stay = self._clock.per == "stay"
        if per_stay and now.stay is None:
            return False
        since = self._course.stay_began(now.stay) if per_stay else 0
        if not self._holds(self._clock.start, place, since):
            return False
        if place == 0 or (per_stay and now.began):  # before the first fact there is no lead, and nothing holds
            return True
        before = replace(self._asking(place, since, ended={}), moments=self._course.before)
        return not holds(self._clock.start, before)

    def _may_start(self, place: int) -> bool:
        now = self._course.after[place]
        if self._clock.per == "stay" and not now.qualified:
            return False
        if self._clock.per == "lead" and now.lost:
            return False
        return self._in_term(now.at) and self._runs_left(now.stay)

    def _in_term(self, at: dt.datetime) -> bool:
        return (self._opens is None or self._opens <= at) and (self._closes is None or at < self._closes)

    def _runs_left(self, stay: int | None) -> bool:
        return self._clock.most_runs is None or self._so_far(stay) < self._clock.most_runs

    def _so_far(self, stay: int | None) -> int:
        return sum(1 for run in self._runs if self._clock.per == "lead" or run.stay == stay)

    def _is_over(self, run: Run, last: int) -> bool:
        """Whether by the end of the instant the lead is lost, or the stay has ended."""
        now = self._course.after[last]
        return now.lost or (run.stay is not None and (not now.qualified or now.stay != run.stay))

    def _follow(self, run: Run, at: dt.datetime, end: int) -> None:
        if not self._is_over(run, end) and self._runs_left(run.stay) and self._in_term(at):
            self._look_at_the_end(self._begin(at, end, end), at, end)

    def _begin(self, at: dt.datetime, place: int, end: int) -> Run:
        now = self._course.after[place]
        stay = now.stay if self._clock.per == "stay" else None
        number = self._so_far(stay) + 1
        run = Run(
            clock=self._clock.id,
            cycle=number if stay is None else stay,
            round=1 if stay is None else number,
            stay=stay,
            start=at,
            place=place,
            since=place if place < end else end + 1,
            owners=[(at, now.owner)],
        )
        self._runs.append(run)
        self._open = run
        return run

    def _change_hands(self, run: Run, at: dt.datetime, sees: Sequence[int]) -> None:
        """Of several owners at one instant the last counts; being lost is no change of hands."""
        told = [place for place in sees if isinstance(self._course.after[place].fact, lead.LeadAssigned)]
        if not told:
            return
        owner = self._course.after[told[-1]].owner
        if run.start == at:
            run.owners = [(at, owner)]
        elif not _same(owner, run.owners[-1][1]):
            run.owners.append((at, owner))

    def _end(self, run: Run, end: Literal["done", "cancelled"], at: dt.datetime) -> None:
        run.end, run.ended = end, at
        if run.paused:
            run.pauses[-1] = (run.pauses[-1][0], at)
        self._open = None

    def _first(self, condition: Condition | None, sees: Sequence[int], run: Run) -> int | None:
        if condition is None:
            return None
        return next((place for place in sees if self._holds(condition, place, run.since)), None)

    def _holds(self, condition: Condition, place: int, since: int) -> bool:
        ended = {} if self._course.after[place].fact is not None else self._ended
        return holds(condition, self._asking(place, since, ended))

    def _asking(self, place: int, since: int, ended: Mapping[str, Sequence[dt.datetime]]) -> Asking:
        return Asking(agreement=self._agreement, moments=self._course.after, place=place, since=since, ended=ended)


def _same(one: Owner | None, other: Owner | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.kind, one.id) == (other.kind, other.id)
