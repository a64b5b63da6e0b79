"""Whether hours are open, asked of a wall clock tick by tick.

Everything lies on a grid of UTC ticks. A table holds what the wall clock of a zone showed at every tick. A shift starts
at the first tick that showed its start, or, where that was skipped, at the jump; it ends at the last tick that showed
its end, or at the jump.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

MIDNIGHT = 24 * 60
Range = tuple[int, int]
"""From and to in minutes of the day; `to` at or before `from` lies on the next day; 1440 is the end of the day."""


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Opening hours: ranges per weekday (Monday 0), days off, days that close early (minute of the day)."""

    name: str
    zone: str
    week: Mapping[int, tuple[Range, ...]]
    days_off: frozenset[dt.date] = frozenset()
    closes_early: Mapping[dt.date, int] = field(default_factory=dict)
    closed: tuple[tuple[dt.datetime, dt.datetime], ...] = ()
    """Times, by the wall clock, in which nothing counts."""

    def in_zone(self, zone: str) -> "Hours":
        """The same hours by the clocks of another zone."""
        return replace(self, zone=zone)


class Grid:
    """A stretch of UTC time in ticks of `tick_minutes`, with what wall clocks showed and who was open."""

    def __init__(self, first: dt.datetime, last: dt.datetime, tick_minutes: int) -> None:
        self.tick = dt.timedelta(minutes=tick_minutes)
        self.first = first
        self.count = (last - first) // self.tick
        self._walls: dict[str, list[dt.datetime]] = {}
        self._open: dict[tuple[str, str] | None, list[bool]] = {}
        self._windows: dict[tuple[tuple[dt.datetime, dt.datetime], str], tuple[dt.datetime, dt.datetime]] = {}

    def instant(self, index: int) -> dt.datetime:
        """The instant at which a tick begins."""
        return self.first + index * self.tick

    def index(self, instant: dt.datetime) -> int:
        """The tick that an instant lies in."""
        return (instant - self.first) // self.tick

    def open(self, hours: Hours | None) -> list[bool]:
        """For every tick, whether these hours are open (None: every hour counts); names and zones tell hours apart."""
        name = None if hours is None else (hours.name, hours.zone)
        if name not in self._open:
            self._open[name] = [True] * self.count if hours is None else self._mark(hours)
        return self._open[name]

    def window(self, window: tuple[dt.datetime, dt.datetime], zone: str) -> tuple[dt.datetime, dt.datetime]:
        """From when to when a window lasts that is told by the wall clock of a zone."""
        if (window, zone) not in self._windows:
            start, end = self._span(self._wall(zone), *window)
            self._windows[window, zone] = self.instant(start), self.instant(end)
        return self._windows[window, zone]

    def _wall(self, zone: str) -> list[dt.datetime]:
        if zone not in self._walls:
            there = ZoneInfo(zone)
            self._walls[zone] = [
                self.instant(index).astimezone(there).replace(tzinfo=None, fold=0) for index in range(self.count)
            ]
        return self._walls[zone]

    def _mark(self, hours: Hours) -> list[bool]:
        wall = self._wall(hours.zone)
        answer = [False] * self.count
        day = wall[0].date() + dt.timedelta(days=1)
        shown = {each.date() for each in wall}
        while day < wall[-1].date() - dt.timedelta(days=1):
            for opens, closes in _ranges(hours, day) if day in shown else ():  # a date that was skipped has no shift
                start, end = self._span(wall, opens, closes)
                for index in range(start, end):
                    answer[index] = answer[index] or not _is_off(hours, wall[index])
            day += dt.timedelta(days=1)
        for start, end in (self._span(wall, *window) for window in hours.closed):
            answer[start:end] = [False] * (end - start)
        return answer

    def _span(self, wall: list[dt.datetime], opens: dt.datetime, closes: dt.datetime) -> tuple[int, int]:
        # a wall clock is never further than a day from UTC: look at these ticks only
        low = max(0, self.index(opens.replace(tzinfo=dt.UTC) - dt.timedelta(days=1)))
        high = min(self.count, self.index(closes.replace(tzinfo=dt.UTC) + dt.timedelta(days=1)))
        start = next(index for index in range(low, high) if wall[index] >= opens)
        shown = [index for index in range(low, high) if wall[index] == closes]
        end = shown[-1] if shown else next(index for index in range(low, high) if wall[index] > closes)
        return start, end


def _is_off(hours: Hours, wall: dt.datetime) -> bool:
    """Whether the date that the wall clock shows is a day off, or over early by now."""
    closes = hours.closes_early.get(wall.date(), MIDNIGHT)
    return wall.date() in hours.days_off or wall.hour * 60 + wall.minute >= closes


def _ranges(hours: Hours, day: dt.date) -> list[tuple[dt.datetime, dt.datetime]]:
    """The shifts that begin on `day`, by the wall clock."""
    midnight = dt.datetime.combine(day, dt.time())
    return [
        (
            midnight + dt.timedelta(minutes=opens),
            midnight + dt.timedelta(minutes=closes if closes > opens else closes + MIDNIGHT),
        )
        for opens, closes in hours.week.get(day.weekday(), ())
    ]
