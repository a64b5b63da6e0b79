"""Reading the words of a calendar: times, ranges, weekdays, days of the year. Raises `ValueError` with the cure."""

import re
from datetime import date, datetime

from sla_engine.domain.calendar_spec import MINUTES_A_DAY, Dates, Days, Opening, YearlyDays

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SPANS = {"weekdays": range(5), "weekend": range(5, 7), "daily": range(7)}
_TIME = re.compile(r"\s*(\d{1,2}):(\d{2})\s*")
_YEARLY = re.compile(r"(\d{1,2})-(\d{1,2})")
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def weekdays(text: str) -> list[int]:
    """The weekdays named: a day, a span of days, `weekdays`, `weekend` or `daily`."""
    words = text.strip().casefold()
    if words in SPANS:
        return list(SPANS[words])
    first, dash, last = words.partition("-")
    begin = _weekday(first)
    if not dash:
        return [begin]
    end = _weekday(last)
    return [day % 7 for day in range(begin, (end if end >= begin else end + 7) + 1)]


def _weekday(text: str) -> int:
    word = text.strip()
    found = [at for at, name in enumerate(WEEKDAYS) if name == word or (len(word) == 3 and name.startswith(word))]
    if not found:
        raise ValueError(f'"{text.strip()}" is no weekday: write monday … sunday, monday-friday, weekdays or daily')
    return found[0]


def minutes(text: str) -> int:
    """Minutes of the civil day; 24:00 is its end."""
    found = _TIME.fullmatch(text)
    hour, minute = (int(found[1]), int(found[2])) if found else (99, 0)
    if hour * 60 + minute > MINUTES_A_DAY or minute > 59:
        raise ValueError(f'"{text.strip()}" is no time of day: write it from 00:00 to 24:00, such as 09:30')
    return hour * 60 + minute


def opening(text: str) -> Opening:
    """A range such as 09:00-17:00; one that ends at or before its start runs over midnight."""
    opens, dash, closes = text.replace("–", "-").partition("-")
    if not dash:
        raise ValueError(f'"{text.strip()}" is no range: write it such as 09:00-17:00')
    begin, end = minutes(opens), minutes(closes)
    if begin in (end, MINUTES_A_DAY):
        raise ValueError(f'"{text.strip()}" has no length: the whole day is 00:00-24:00')
    return Opening(begin, end if end > begin else end + MINUTES_A_DAY)


def days(text: str) -> Days:
    """Days: 2026-05-15, 12-24 (every year), or a range of either with `..` between."""
    first, dots, last = text.replace("→", "..").partition("..")
    begin, end = _day(first), _day(last if dots else first)
    if isinstance(begin, date) and isinstance(end, date):
        if end < begin:
            raise ValueError(f'"{text}" ends before it begins')
        return Dates(begin, end)
    if isinstance(begin, tuple) and isinstance(end, tuple):
        return YearlyDays(begin, end)
    raise ValueError(f'"{text}" mixes a day of one year with a day of every year: write both alike')


def _day(text: str) -> date | tuple[int, int]:
    word = text.strip()
    if yearly := _YEARLY.fullmatch(word):
        month, day = int(yearly[1]), int(yearly[2])
        if 1 <= month <= 12 and 1 <= day <= _DAYS_IN_MONTH[month - 1]:
            return month, day
    else:
        try:
            return date.fromisoformat(word)
        except ValueError:
            pass
    raise ValueError(f'"{word}" is no day: write 2026-05-15, or 12-24 for every year')


def wall_time(text: str) -> datetime:
    """A wall clock's reading, such as 2026-11-22 12:00."""
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f'"{text.strip()}" is no time: write it such as 2026-11-22 12:00') from error
    if read.tzinfo is not None:
        raise ValueError(f'"{text.strip()}" names a zone: write the calendar\'s own wall clock, without one')
    return read
