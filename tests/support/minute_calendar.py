"""Business time by walking through every minute: slow, obvious, and written apart from the engine's algorithm.

It knows zones only by asking what the wall clock shows at an instant. A shift begins at the first minute whose wall
clock shows its start (or, if that was skipped, the first that shows more) and ends at the last that shows its end.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
Shift = tuple[int, int]
"""Minutes of the day at which it opens and closes; beyond 1440 is the next day."""


class MinuteCalendar:
    """The minutes from `begin` to `end` (UTC, whole minutes) that are open."""

    def __init__(
        self,
        *,
        zone: str,
        week: Mapping[int, Sequence[Shift]],
        begin: datetime,
        end: datetime,
        is_holiday: Callable[[date], bool] = lambda _: False,
    ) -> None:
        self.begin = begin
        first = begin - timedelta(days=3)
        walls, shown = _walls(zone, first, end + timedelta(days=3))
        open_minutes = [False] * len(walls)
        for day in sorted({wall.date() for wall in walls})[1:-2]:
            for opens, closes in week.get(day.weekday(), ()):
                midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - what a wall clock shows
                start = _showing(shown, walls, midnight + opens * MINUTE, 0)
                stop = _showing(shown, walls, midnight + closes * MINUTE, -1)
                for number in range(start, stop):
                    open_minutes[number] = True
        skipped = round((begin - first) / MINUTE)
        count = round((end - begin) / MINUTE)
        self.open = [
            open_minutes[number] and not is_holiday(walls[number].date()) for number in range(skipped, skipped + count)
        ]

    def elapsed(self, start: datetime, end: datetime) -> int:
        """Open minutes from `start` to `end`."""
        return sum(self.open[self._number(start) : self._number(end)])

    def add(self, start: datetime, minutes: int) -> datetime | None:
        """The earliest instant at which so many open minutes have passed; None beyond the end."""
        if minutes == 0:
            return start
        passed = 0
        for number in range(self._number(start), len(self.open)):
            passed += self.open[number]
            if passed == minutes:
                return self.begin + (number + 1) * MINUTE
        return None

    def is_open(self, at: datetime) -> bool:
        """Whether the minute that begins at `at` is open."""
        return self.open[self._number(at)]

    def _number(self, at: datetime) -> int:
        return round((at.astimezone(UTC) - self.begin) / MINUTE)


@lru_cache(maxsize=32)
def _walls(zone: str, begin: datetime, end: datetime) -> tuple[list[datetime], dict[datetime, list[int]]]:
    """What the wall clock shows at every minute, and at which minutes it shows each reading."""
    walls = []
    at = begin
    while at < end:
        walls.append(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0))
        at += MINUTE
    shown: dict[datetime, list[int]] = {}
    for number, wall in enumerate(walls):
        shown.setdefault(wall, []).append(number)
    return walls, shown


def _showing(shown: Mapping[datetime, list[int]], walls: Sequence[datetime], wall: datetime, which: int) -> int:
    """The number of the first (0) or last (-1) minute that shows `wall`, or the first that shows more."""
    if wall in shown:
        return shown[wall][which]
    return next(number for number, each in enumerate(walls) if each > wall)
