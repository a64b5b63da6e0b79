"""From a calendar's words to the open intervals of one civil year, in UTC.

Wall clock and daylight saving: a range that starts in a skipped hour starts at the jump; in a repeated hour it starts
at the first and ends at the last of the two. Between its ends real time counts.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
from holidays.version import __version__ as _holidays_version

from sla_engine.domain.calendar_spec import MINUTES_A_DAY, CalendarSpec
from sla_engine.domain.instants import SECOND, to_us

HOLIDAYS_VERSION: str = _holidays_version
"""The release whose legal holidays are used; the law changes, and so does what it knows."""

Interval = tuple[int, int]


def year_start_us(zone: str, year: int) -> int:
    """The instant at which the civil year begins."""
    return first_instant(_midnight(date(year, 1, 1)), ZoneInfo(zone))


def year_intervals(spec: CalendarSpec, year: int) -> list[Interval]:
    """The open intervals that lie in the civil year, disjoint and in order; those over its ends are cut there."""
    zone = ZoneInfo(spec.zone)
    opened = _merge(_openings(spec, zone, year))
    closed = _merge(_closings(spec, zone, year))
    begin, end = year_start_us(spec.zone, year), year_start_us(spec.zone, year + 1)
    clipped = ((max(opens, begin), min(closes, end)) for opens, closes in _without(opened, closed))
    return [(opens, closes) for opens, closes in clipped if opens < closes]


def first_instant(wall: datetime, zone: ZoneInfo) -> int:
    """When the wall clock of the zone first shows `wall`, or the jump over it."""
    return _instant(wall, zone, last=False)


def last_instant(wall: datetime, zone: ZoneInfo) -> int:
    """When the wall clock of the zone last shows `wall`, or the jump over it."""
    return _instant(wall, zone, last=True)


def _instant(wall: datetime, zone: ZoneInfo, *, last: bool) -> int:
    first_offset = zone.utcoffset(wall.replace(fold=0))
    second_offset = zone.utcoffset(wall.replace(fold=1))
    assert first_offset is not None
    assert second_offset is not None
    bare = wall.replace(tzinfo=UTC)
    if second_offset > first_offset:
        return _jump(bare - second_offset, bare - first_offset, zone)
    return to_us(bare - (second_offset if last else first_offset))


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> int:
    """The second, after `before` and not after `after`, at which the zone's offset changes."""
    old = before.astimezone(zone).utcoffset()
    low, high = to_us(before) // SECOND, to_us(after) // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high * SECOND


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())  # naive: a wall clock's reading, not yet an instant


def _happened(midnight: datetime, zone: ZoneInfo) -> bool:
    """Whether the zone had that day at all: one that moves over the date line skips one, and its shifts with it."""
    return first_instant(midnight, zone) < first_instant(midnight + timedelta(days=1), zone)


def _openings(spec: CalendarSpec, zone: ZoneInfo, year: int) -> Iterator[Interval]:
    day = date(year, 1, 1) - timedelta(days=2)
    for _ in range(370):
        midnight = _midnight(day)
        for opening in spec.week.get(day.weekday(), ()) if _happened(midnight, zone) else ():
            opens = first_instant(midnight + timedelta(minutes=opening.opens), zone)
            closes = last_instant(midnight + timedelta(minutes=opening.closes), zone)
            if opens < closes:
                yield opens, closes
        day += timedelta(days=1)


def _closings(spec: CalendarSpec, zone: ZoneInfo, year: int) -> Iterator[Interval]:
    is_closed = closed_day(spec, year)
    day = date(year, 1, 1) - timedelta(days=2)
    for _ in range(370):
        midnight = _midnight(day)
        if is_closed(day):
            yield first_instant(midnight, zone), first_instant(midnight + timedelta(days=1), zone)
        for half in spec.half_days:
            if half.days.has(day):
                yield first_instant(midnight, zone), first_instant(midnight + timedelta(minutes=half.opens), zone)
                if half.closes < MINUTES_A_DAY:
                    closes = midnight + timedelta(minutes=half.closes)
                    yield last_instant(closes, zone), first_instant(midnight + timedelta(days=1), zone)
        day += timedelta(days=1)
    for window in spec.closed_windows:
        yield first_instant(window.start, zone), last_instant(window.end, zone)


def closed_day(spec: CalendarSpec, year: int) -> Callable[[date], bool]:
    """Whether a day around the year is a holiday of the calendar."""
    legal: dict[date, str] = {}
    if spec.country is not None:
        for each in (year - 1, year, year + 1):
            legal.update(legal_holidays(spec.country, spec.subdivision, each))
    removed_names = {name.casefold() for name in spec.removed_names}

    def is_closed(day: date) -> bool:
        name = legal.get(day)
        if (
            name is not None
            and name.casefold() not in removed_names
            and not any(each.has(day) for each in spec.removed)
        ):
            return True
        return any(each.has(day) for each in spec.closed_days)

    return is_closed


@lru_cache(maxsize=1024)
def legal_holidays(country: str, subdivision: str | None, year: int) -> dict[date, str]:
    """The legal holidays of one year, by the release `HOLIDAYS_VERSION`. Treat as read-only."""
    return dict(holidays.country_holidays(country, subdiv=subdivision, years=year, language="en_US").items())


def _merge(intervals: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for opens, closes in sorted(intervals):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        else:
            merged.append((opens, closes))
    return merged


def _without(opened: list[Interval], closed: list[Interval]) -> Iterator[Interval]:
    """What is left of `opened`; both disjoint and in order."""
    at = 0
    for opens, closes in opened:
        start = opens
        while at < len(closed) and closed[at][1] <= start:
            at += 1
        look = at
        while look < len(closed) and closed[look][0] < closes:
            if closed[look][0] > start:
                yield start, closed[look][0]
            start = max(start, closed[look][1])
            look += 1
        if start < closes:
            yield start, closes
