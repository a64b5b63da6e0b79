"""Business time: exact arithmetic over a calendar's open intervals.

The intervals are kept as UTC microseconds with a running sum of open time, so that every question is one or two
binary searches. They are made a civil year at a time, when first asked for.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sla_engine.domain.calendar_spec import CalendarSpec
from sla_engine.domain.calendar_year import first_instant, year_intervals, year_start_us
from sla_engine.domain.instants import DAY, from_us, to_us

FIRST_YEAR = 1970
"""No open time is known before it: CRMs that lost a date send 1970 or earlier."""
LAST_YEAR = 2199
REACH_YEARS = 5
"""How far ahead a deadline may lie."""

Interval = tuple[int, int]


class NeverReached(Exception):  # noqa: N818 - it says what is so, as StopIteration does
    """So much business time does not come within the calendar's reach."""


class Calendar:
    """The open hours of a team or a person.

    Instants are microseconds since the epoch. The years asked about are kept (about 60 kB a year for two ranges a
    day), from FIRST_YEAR to LAST_YEAR at most; outside them nothing is open.
    """

    __slots__ = ("_ends", "_hi_us", "_lo_us", "_prefix", "_starts", "_total", "_years", "business_day_us", "spec")

    def __init__(self, spec: CalendarSpec) -> None:
        self.spec = spec
        self.business_day_us = spec.business_day_us
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._prefix: list[int] = []
        self._total = 0
        self._lo_us = self._hi_us = 0
        self._years: tuple[int, int] | None = None

    def __repr__(self) -> str:
        return f"Calendar({self.spec.name!r}, zone={self.spec.zone!r})"

    @property
    def name(self) -> str:
        """The calendar's name in the agreement."""
        return self.spec.name

    @property
    def zone(self) -> str:
        """The IANA zone of its hours."""
        return self.spec.zone

    def add(self, start_us: int, business_us: int) -> int:
        """The earliest instant at which `business_us` of open time has passed since `start_us`.

        Nothing to pass: `start_us` itself, open or not. Raises `NeverReached`.
        """
        if business_us <= 0:
            return start_us
        goal = self._open_until(start_us) + business_us
        while goal > self._total:
            self._reach_further(start_us)
            goal = self._open_until(start_us) + business_us
        at = bisect_left(self._prefix, goal) - 1
        return self._starts[at] + goal - self._prefix[at]

    def elapsed(self, start_us: int, end_us: int) -> int:
        """Open time from `start_us` to `end_us`; 0 where the end is not after the start."""
        if end_us <= start_us:
            return 0
        self._cover(start_us, end_us)
        return self._open_until(end_us) - self._open_until(start_us)

    def is_open(self, at_us: int) -> bool:
        """Whether time counts at this instant: the opening instant counts, the closing one does not."""
        self._cover(at_us, at_us)
        at = bisect_right(self._starts, at_us) - 1
        return at >= 0 and at_us < self._ends[at]

    def subtract(self, end_us: int, business_us: int) -> int:
        """The latest instant from which `business_us` of open time passes until `end_us`. Raises `NeverReached`."""
        if business_us <= 0:
            return end_us
        goal = self._open_until(end_us) - business_us
        while goal < 0:
            self._reach_back(end_us)
            goal = self._open_until(end_us) - business_us
        at = bisect_right(self._prefix, goal) - 1
        return self._starts[at] + goal - self._prefix[at]

    def intervals(self, start_us: int, end_us: int) -> Sequence[Interval]:
        """The open intervals between two instants, clipped to them; what touches is one."""
        if end_us <= start_us:
            return ()
        self._cover(start_us, end_us)
        found: list[Interval] = []
        for at in range(max(bisect_right(self._starts, start_us) - 1, 0), bisect_left(self._starts, end_us)):
            opens, closes = max(self._starts[at], start_us), min(self._ends[at], end_us)
            if found and found[-1][1] == opens:
                found[-1] = (found[-1][0], closes)
            elif opens < closes:
                found.append((opens, closes))
        return tuple(found)

    def appointment(self, start_us: int, business_days: int, minute: int) -> int:
        """The instant at which the wall clock shows `minute` minutes after midnight on the n-th business day after the
        start's own date; 0: on that date itself, if it is a business day and the time is not past, else on the next.

        A business day is a civil day with any open time. Raises `NeverReached`.
        """
        zone = ZoneInfo(self.spec.zone)
        midnight = from_us(start_us).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        if business_days == 0:
            if self._is_business_day(midnight, zone) and (at_us := _shown(midnight, minute, zone)) >= start_us:
                return at_us
            business_days = 1
        for _ in range(366 * REACH_YEARS):
            midnight += timedelta(days=1)
            if self._is_business_day(midnight, zone):
                business_days -= 1
                if business_days == 0:
                    return _shown(midnight, minute, zone)
        raise NeverReached(f"calendar {self.name!r} has not so many business days in the {REACH_YEARS} years to come")

    def _is_business_day(self, midnight: datetime, zone: ZoneInfo) -> bool:
        begins_us, ends_us = first_instant(midnight, zone), first_instant(midnight + timedelta(days=1), zone)
        return self.elapsed(begins_us, ends_us) > 0

    def add_to(self, start: datetime, business_seconds: float) -> datetime:
        """`add` for datetimes and seconds."""
        return from_us(self.add(to_us(start), round(business_seconds * 1_000_000)))

    def elapsed_between(self, start: datetime, end: datetime) -> float:
        """`elapsed` in seconds, for datetimes."""
        return self.elapsed(to_us(start), to_us(end)) / 1_000_000

    def _open_until(self, at_us: int) -> int:
        """Open time from the first known instant to this one."""
        if not self._lo_us <= at_us < self._hi_us:
            self._cover(at_us, at_us)
        at = bisect_right(self._starts, at_us) - 1
        if at < 0:
            return 0
        closes = self._ends[at]
        return self._prefix[at] + (at_us if at_us < closes else closes) - self._starts[at]  # noqa: FURB136 - min() costs a call

    def _cover(self, start_us: int, end_us: int) -> None:
        if self._lo_us <= start_us and end_us < self._hi_us:
            return
        # Civil years begin up to 14 hours before and after the years of UTC.
        first, last = _year(start_us - DAY), _year(end_us + DAY)
        if self._years is not None:
            first, last = min(first, self._years[0]), max(last, self._years[1])
        if (first, last) != self._years:
            self._build(first, last)

    def _reach_further(self, start_us: int) -> None:
        assert self._years is not None
        last = self._years[1]
        if last >= min(_year(start_us) + REACH_YEARS + 1, LAST_YEAR):
            raise NeverReached(f"calendar {self.name!r} is not open long enough in the {REACH_YEARS} years to come")
        self._build(self._years[0], last + 1)

    def _reach_back(self, end_us: int) -> None:
        assert self._years is not None
        first = self._years[0]
        if first <= max(_year(end_us) - REACH_YEARS - 1, FIRST_YEAR):
            raise NeverReached(f"calendar {self.name!r} was not open long enough in the {REACH_YEARS} years before")
        self._build(first - 1, self._years[1])

    def _build(self, first: int, last: int) -> None:
        """Make the intervals of all years from `first` to `last`, keeping those that stand."""
        before, kept_years = self._years, (self._starts, self._ends)
        starts: list[int] = []
        ends: list[int] = []
        if before is None:
            _append(starts, ends, first, last, self.spec)
        else:
            _append(starts, ends, first, before[0] - 1, self.spec)
            starts += kept_years[0]
            ends += kept_years[1]
            _append(starts, ends, before[1] + 1, last, self.spec)
        prefix, total = [], 0
        for opens, closes in zip(starts, ends, strict=True):
            prefix.append(total)
            total += closes - opens
        self._starts, self._ends, self._prefix, self._total = starts, ends, prefix, total
        self._years = (first, last)
        self._lo_us, self._hi_us = year_start_us(self.spec.zone, first), year_start_us(self.spec.zone, last + 1)


def _append(starts: list[int], ends: list[int], first: int, last: int, spec: CalendarSpec) -> None:
    for year in range(first, last + 1):
        for opens, closes in year_intervals(spec, year):
            starts.append(opens)
            ends.append(closes)


def _shown(midnight: datetime, minute: int, zone: ZoneInfo) -> int:
    """When the wall clock shows that time: of a repeated hour the first; in a skipped one, moved on by the jump."""
    return to_us((midnight + timedelta(minutes=minute)).replace(tzinfo=zone, fold=0).astimezone(UTC))


def _year(at_us: int) -> int:
    """The instant's year in UTC, inside the known range."""
    if at_us < 0:
        return FIRST_YEAR
    if at_us >= _LAST_US:
        return LAST_YEAR
    return from_us(at_us).year


_LAST_US = (LAST_YEAR - 1970) * 365 * DAY
