"""From a calendar feed (RFC 5545) to the times in which its owner is away.

Nothing of an event but its times is kept: what somebody is away for is nobody's business.
"""

import datetime as dt
import enum
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import icalendar
import recurring_ical_events

MOST_EVENTS = 20_000
MOST_RECURRING = 200
"""So many rules of recurrence of events that may count are unfolded, over four years at most."""
MOST_A_DAY = 4
_TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
_FREE_STATUS = frozenset({"FREE", "TENTATIVE", "WORKINGELSEWHERE"})
_OUT = "OOF"
_WORDS = re.compile(
    r"\s*(out[ -]of[ -](the[ -])?office|ooo\b|away\b|vacation|holidays?\b|annual leave|on leave\b)", re.IGNORECASE
)

Window = tuple[str, str]
"""From and to: instants such as 2026-03-02T09:00Z, days (both belong to it), or times of the person's own clock."""


class Counts(enum.StrEnum):
    """Which events of a feed close a person's calendar."""

    OUT_OF_OFFICE = "out_of_office"
    BUSY = "busy"


class FeedError(Exception):
    """The feed can't be used; the message says why, without its address."""


def away(data: bytes, *, counts: Counts, years: tuple[int, int]) -> list[Window]:
    """The windows in order, each once, that begin in the years from the first to the last. Raises `FeedError`."""
    since, until = dt.datetime(years[0], 1, 1, tzinfo=dt.UTC), dt.datetime(years[1] + 1, 1, 1, tzinfo=dt.UTC)
    try:
        calendars = icalendar.Calendar.from_ical(data, multiple=True)
    except (ValueError, IndexError, KeyError) as error:
        raise FeedError(f"it is no calendar in the iCalendar format ({_short(error)})") from error
    found: set[Window] = set()
    try:
        for calendar in _checked(calendars, counts):
            events = recurring_ical_events.of(calendar, skip_bad_series=False).between(since, until)
            found.update(_window(event) for event in events if _is_away(event, counts))
    except FeedError:
        raise
    except Exception as error:
        # Whatever the libraries make of a sender's odd dates and rules, it is the feed that is wrong.
        raise FeedError(f"an event in it can't be read ({_short(error)})") from error
    return sorted(found)


def _checked(calendars: Sequence[Any], counts: Counts) -> Iterable[Any]:
    """The calendars with no more than the events that may count, unless those would take too long."""
    if not any(calendar.name == "VCALENDAR" for calendar in calendars):
        raise FeedError("it holds no calendar: does the address lead to a page instead?")
    for calendar in calendars:
        _drop_what_never_counts(calendar, counts)
    events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    recurring = [event for event in events if "RRULE" in event or "RDATE" in event]
    if len(events) > MOST_EVENTS or len(recurring) > MOST_RECURRING:
        raise FeedError(
            f"it holds {len(events)} events, {len(recurring)} of them recurring; {MOST_EVENTS} and {MOST_RECURRING} "
            "are the most that are read"
        )
    for event in recurring:
        for rule in _listed(event.get("RRULE")):
            a_day = math.prod(len(rule.get(part, "1")) for part in ("BYHOUR", "BYMINUTE", "BYSECOND"))
            if set(rule.get("FREQ", ())) & _TOO_OFTEN or a_day > MOST_A_DAY:
                raise FeedError("an event in it repeats by the hour or more often")
    return calendars


def _drop_what_never_counts(calendar: Any, counts: Counts) -> None:  # noqa: ANN401 - the library's component
    """Leave out series and single events of which no part counts: a calendar is mostly meetings."""
    kept = {
        str(event.get("UID")) for event in calendar.walk("VEVENT") if "DTSTART" not in event or _is_away(event, counts)
    }
    calendar.subcomponents = [
        part for part in calendar.subcomponents if part.name != "VEVENT" or str(part.get("UID")) in kept
    ]


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - one rule, several, or none
    return [] if value is None else value if isinstance(value, list) else [value]


def _is_away(event: Any, counts: Counts) -> bool:  # noqa: ANN401 - the library's component
    """Whether its owner is away. Free, tentative and cancelled events never count. A meeting is no absence: where a
    feed does not mark what is out of office, whole days and telling titles count."""
    if str(event.get("STATUS", "")).upper() in {"CANCELLED", "TENTATIVE"}:
        return False
    busy = str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper()
    if busy == _OUT:
        return True
    if busy in _FREE_STATUS or str(event.get("TRANSP", "")).upper() == "TRANSPARENT":
        return False
    if counts is Counts.BUSY:
        return True
    if busy:
        return False
    return not isinstance(event.start, dt.datetime) or _WORDS.match(str(event.get("SUMMARY", ""))) is not None


def _window(event: Any) -> Window:  # noqa: ANN401 - the library's component
    start, end = event.start, event.end
    if not isinstance(start, dt.datetime):
        last = max(start, end - dt.timedelta(days=1))  # DTEND is the day after the last
        return start.isoformat(), last.isoformat()
    begins = start.replace(second=0, microsecond=0)
    ends = end if end.second == end.microsecond == 0 else end.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
    return _text(begins), _text(max(ends, begins + dt.timedelta(minutes=1)))


def _text(at: dt.datetime) -> str:
    if at.tzinfo is None:
        return at.isoformat(sep=" ", timespec="minutes")
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%MZ")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:120]
