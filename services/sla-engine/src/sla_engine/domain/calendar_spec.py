"""What a calendar says, as data: opening hours by weekday, holidays, half days and closed windows in one zone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Self

from sla_engine.domain.instants import DAY, MINUTE

MINUTES_A_DAY = 1440


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """One range of a weekday, in minutes of the civil day. `closes` beyond 1440 runs into the next day."""

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not (0 <= self.opens < MINUTES_A_DAY and self.opens < self.closes <= self.opens + MINUTES_A_DAY):
            raise ValueError(f"a range must open within its day and last a day at most, not {self.opens}–{self.closes}")


@dataclass(frozen=True, slots=True)
class YearlyDays:
    """Days that return every year, both ends included; from 12-24 to 01-02 runs over the turn of the year."""

    first: tuple[int, int]
    last: tuple[int, int]

    def has(self, day: date) -> bool:
        """Whether the day is one of them."""
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


@dataclass(frozen=True, slots=True)
class Dates:
    """Days of the civil calendar, both ends included."""

    first: date
    last: date

    def has(self, day: date) -> bool:
        """Whether the day is one of them."""
        return self.first <= day <= self.last


Days = YearlyDays | Dates


@dataclass(frozen=True, slots=True)
class HalfDay:
    """Days on which it is open only between two minutes of the civil day."""

    days: Days
    opens: int = 0
    closes: int = MINUTES_A_DAY


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """A time, by the calendar's own wall clock, in which nothing counts."""

    start: datetime
    end: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSpec:
    """A calendar. `week` maps weekdays (Monday is 0) to their openings.

    A holiday closes its civil day, from 00:00 to 24:00: an overnight shift loses the part that lies in it. Closed are
    the legal holidays of `country` and `subdivision` that `removed` does not name, and all that `closed_days` names.
    """

    name: str
    zone: str
    week: Mapping[int, tuple[Opening, ...]]
    country: str | None = None
    subdivision: str | None = None
    removed: tuple[Days, ...] = ()
    removed_names: tuple[str, ...] = ()
    closed_days: tuple[Days, ...] = ()
    half_days: tuple[HalfDay, ...] = ()
    closed_windows: tuple[ClosedWindow, ...] = field(default=())

    @property
    def business_day_us(self) -> int:
        """The open time of an ordinary day: the one most weekdays have, of several the longest."""
        lengths = Counter(sum(each.closes - each.opens for each in openings) for openings in self.week.values())
        lengths.pop(0, None)
        if not lengths:
            return DAY
        return max(lengths, key=lambda minutes: (lengths[minutes], minutes)) * MINUTE

    def in_zone(self, zone: str) -> Self:
        """The same hours by the wall clocks of another zone."""
        return self if zone == self.zone else replace(self, zone=zone)


ALWAYS = CalendarSpec(name="always", zone="UTC", week={day: (Opening(0, MINUTES_A_DAY),) for day in range(7)})
"""Every hour counts: for promises in wall-clock time."""
