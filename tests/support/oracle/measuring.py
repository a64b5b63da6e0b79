"""A walk along one run, step by step: a step is never longer than a tick, and nothing changes within it."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from tests.support.oracle.declared import Clock, Target
from tests.support.oracle.seats import Seat
from tests.support.oracle.wall_clock import Grid

ZERO = dt.timedelta()
DAY_MINUTES = 24 * 60
Span = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, kw_only=True)
class Stillness:
    """When no time counts: while the run is paused, and in an exception's window (None: whoever holds it)."""

    since: dt.datetime
    to: dt.datetime
    teams: tuple[str, ...] = ()

    def covers(self, at: dt.datetime, team: str) -> bool:
        """Whether nothing counts at `at` for a holder of this team."""
        return self.since <= at < self.to and (not self.teams or team in self.teams)


@dataclass(kw_only=True)
class Walked:
    """What the walk found. `to_deadline`: who held it for how much business time up to the deadline, in order."""

    deadline: dt.datetime | None = None
    seat_at_deadline: int = 0
    target: dt.timedelta = ZERO
    used: dt.timedelta = ZERO
    wall: dt.timedelta = ZERO
    held: dict[str, tuple[dt.timedelta, dt.timedelta]] = field(default_factory=dict)
    warnings: list[tuple[str, dt.datetime]] = field(default_factory=list)
    given: list[tuple[str, dt.datetime]] = field(default_factory=list)
    """Warnings that came before the clock was restarted."""

    def hold(self, holder: str, business: dt.timedelta, wall: dt.timedelta) -> None:
        """Charge time before the end to whoever held the clock."""
        before = self.held.get(holder, (ZERO, ZERO))
        self.held[holder] = before[0] + business, before[1] + wall
        self.used += business
        self.wall += wall


class Aim:
    """What has to pass until the promise is due, from one instant on."""

    def __init__(
        self,
        at: dt.datetime,
        target: Target,
        clock: Clock,
        seat: Seat,
        place: "Place",
        *,
        day: dt.timedelta | None = None,
    ) -> None:
        self._target, self._clock, self._seat, self._place = target, clock, seat, place
        self._day = day or place.ordinary_day(seat)
        self.instant: dt.datetime | None = None
        self._owed = ZERO
        match target.kind:
            case "business" | "wall":
                self.amount = dt.timedelta(minutes=target.minutes)
            case "days":
                self.amount = target.days * self._day
            case "instant":
                self.instant = place.on_business_day(at, target, seat)
                self.amount = place.business_time(at, self.instant, seat)
        self._ran = ZERO
        self._marks = [(warning.text, warning.used(self.amount)) for warning in clock.warnings]
        self.warnings: list[tuple[str, dt.datetime]] = []
        self.deadline = at if self.instant == at or (self.instant is None and self.amount == ZERO) else None

    def again(self, at: dt.datetime, seat: Seat) -> "Aim":
        """The same from `at` on; a business day stays what it was for the first holder."""
        return Aim(at, self._target, self._clock, seat, self._place, day=self._day)

    def step(self, at: dt.datetime, until: dt.datetime, seat: Seat, *, still: bool) -> None:
        """Let the time from `at` to `until` pass while `seat` holds it."""
        match self._target.kind:
            case "wall":
                counts = True
            case "instant":
                counts = self._place.open(at, self._seat)
            case _:
                counts = self._place.open(at, seat)
        length = until - at if counts else ZERO
        if self.instant is not None:
            self._step_to_instant(at, until, length, still=still)
        if still:
            return
        for name, mark in self._marks:
            if self._ran < mark <= self._ran + length and mark < self.amount:
                self.warnings.append((name, at + (mark - self._ran)))
        if self.instant is None and self.deadline is None and self._ran < self.amount <= self._ran + length:
            self.deadline = at + (self.amount - self._ran)
        self._ran += length

    def _step_to_instant(self, at: dt.datetime, until: dt.datetime, length: dt.timedelta, *, still: bool) -> None:
        """What the pauses took before the instant is owed after it."""
        assert self.instant is not None
        if self.deadline is not None:
            return
        if at < self.instant:
            self._owed += length if still else ZERO
            if until == self.instant and self._owed == ZERO:
                self.deadline = self.instant
        elif not still:
            if self._owed <= length:
                self.deadline = at + self._owed
            self._owed -= length


class Place:
    """The grid of time, asked about seats."""

    def __init__(self, grid: Grid, zone: str) -> None:
        self.grid = grid
        self._zone = zone

    def open(self, at: dt.datetime, seat: Seat) -> bool:
        """Whether time counts in the seat's hours."""
        return self.grid.open(seat.hours)[self.grid.index(at)] and not any(
            start <= at < end for start, end in self._away(seat)
        )

    def _away(self, seat: Seat) -> list[Span]:
        return [self.grid.window(window, seat.away_zone) for window in seat.away]

    def zone(self, seat: Seat) -> str:
        """By which wall clock a seat's hours are told."""
        return self._zone if seat.hours is None else seat.hours.zone

    def ordinary_day(self, seat: Seat) -> dt.timedelta:
        """How much business time most weekdays of these hours have; of several lengths as frequent, the longest."""
        if seat.hours is None:
            return dt.timedelta(minutes=DAY_MINUTES)
        lengths = [
            sum((closes if closes > opens else closes + DAY_MINUTES) - opens for opens, closes in ranges)
            for ranges in seat.hours.week.values()
            if ranges
        ]
        return dt.timedelta(minutes=max(lengths, key=lambda length: (lengths.count(length), length)))

    def on_business_day(self, at: dt.datetime, target: Target, seat: Seat) -> dt.datetime:
        """The instant at which the wall clock shows the time, on the business day that is meant."""
        zone = ZoneInfo(self.zone(seat))
        date = at.astimezone(zone).date()
        if target.days == 0 and self._is_business_day(date, seat):
            today = _wall_instant(date, target.minute, zone)
            if today >= at:
                return today
        for _ in range(max(1, target.days)):
            date += dt.timedelta(days=1)
            while not self._is_business_day(date, seat):
                date += dt.timedelta(days=1)
        return _wall_instant(date, target.minute, zone)

    def _is_business_day(self, date: dt.date, seat: Seat) -> bool:
        noon = dt.datetime.combine(date, dt.time(12), dt.UTC)
        low, high = (self.grid.index(noon + dt.timedelta(hours=hours)) for hours in (-30, 30))
        zone = ZoneInfo(self.zone(seat))
        return any(
            self.open(self.grid.instant(index), seat) and self.grid.instant(index).astimezone(zone).date() == date
            for index in range(low, high)
        )

    def business_time(self, start: dt.datetime, end: dt.datetime, seat: Seat) -> dt.timedelta:
        """How long the seat's hours are open between two instants."""
        total, at = ZERO, start
        while at < end:
            until = min(self.grid.instant(self.grid.index(at) + 1), end)
            total += until - at if self.open(at, seat) else ZERO
            at = until
        return total


def _wall_instant(date: dt.date, minute: int, zone: ZoneInfo) -> dt.datetime:
    # fold 0: the first of a repeated hour; in a skipped hour as if the clocks had not been changed
    return dt.datetime.combine(date, dt.time(minute // 60, minute % 60), zone).astimezone(dt.UTC)


def walk(
    seated: Sequence[Seat],
    clock: Clock,
    target: Target,
    *,
    ended: dt.datetime,
    stillness: Iterable[Stillness],
    place: Place,
    anew: dt.datetime | None = None,
) -> Walked:
    """From the start to the end, and on until the deadline is known; at `anew` the whole target lies ahead again."""
    still = list(stillness)
    found = Walked()
    at, seat, began = seated[0].since, 0, 0
    aim = Aim(at, target, clock, seated[0], place)
    renewals = [] if anew is None else [anew]
    marks = {each.since for each in seated} | {mark for each in still for mark in (each.since, each.to)}
    marks |= {ended, *renewals}
    while True:
        while seat + 1 < len(seated) and seated[seat + 1].since <= at:
            seat += 1
            if clock.restart and (aim.deadline is None or aim.deadline >= at):
                found.given += [each for each in aim.warnings if each[1] <= at]
                aim, began = aim.again(at, seated[seat]), seat
        if renewals and renewals[0] <= at:
            renewals, found.given = [], []
            aim, began = aim.again(at, seated[seat]), seat
        if at >= ended and aim.deadline is not None and not renewals:
            break
        coming = [mark for mark in (*marks, aim.instant) if mark is not None and mark > at]
        until = min([place.grid.instant(place.grid.index(at) + 1), *coming])
        holder = seated[seat]
        stands = any(each.covers(at, holder.team) for each in still)
        aim.step(at, until, holder, still=stands)
        if at < ended:
            counts = not stands and (target.kind == "wall" or place.open(at, holder))
            found.hold(holder.holder, until - at if counts else ZERO, until - at)
        at = until
    found.deadline, found.warnings, found.target = aim.deadline, aim.warnings, aim.amount
    found.seat_at_deadline = max([began, *(i for i in range(began, len(seated)) if seated[i].since < aim.deadline)])
    return found
