"""Calendars from their entries in the file."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

import holidays

from sla_engine.adapters import agreement_schema as schema
from sla_engine.adapters.calendar_words import days, minutes, opening, wall_time, weekdays
from sla_engine.adapters.faults import Faults
from sla_engine.adapters.yaml_lines import Path
from sla_engine.adapters.zones import known_zones
from sla_engine.domain.calendar import Calendar, NeverReached
from sla_engine.domain.calendar_spec import (
    ALWAYS,
    MINUTES_A_DAY,
    CalendarSpec,
    ClosedWindow,
    Days,
    HalfDay,
    Opening,
)

_Read = TypeVar("_Read")
_RESERVED = ("team", "owner", "always")


def build_calendars(read: schema.AgreementFile, faults: Faults, today_us: int) -> dict[str, Calendar]:
    """All calendars by name, `always` among them. One that is never open in five years is a fault.

    What has faults is stood in for by one that is always open.
    """
    timezone = read.agreement.timezone
    made = {"always": Calendar(ALWAYS.in_zone(timezone) if timezone in known_zones() else ALWAYS)}
    for name, entry in read.calendars.items():
        path: Path = ("calendars", name)
        if name in _RESERVED:
            faults.add(path, f'"{name}" means something of its own', "Give the calendar another name")
            continue
        zone = entry.zone or read.agreement.timezone
        if not faults.zone((*path, "zone"), entry.zone) or zone not in known_zones():
            made[name] = Calendar(replace(ALWAYS, name=name))
            continue
        spec = _spec(name, zone, entry, faults)
        made[name] = Calendar(spec or replace(ALWAYS, name=name))
        try:
            made[name].add(today_us, 1)
        except NeverReached:
            faults.add(path, "has no open time at all in the next five years", "Open it on some weekday")
    return made


def _spec(name: str, zone: str, entry: schema.CalendarEntry, faults: Faults) -> CalendarSpec | None:
    path: Path = ("calendars", name)
    legal = _legal(entry.holidays, (*path, "holidays"), faults)
    week = _week(entry.week, (*path, "week"), faults)
    added = _all_days(entry.holidays.add, (*path, "holidays", "add"), faults)
    removed, removed_names = _removed(entry.holidays, (*path, "holidays", "remove"), faults)
    half_days = [_half_day(each, (*path, "half_days", at), faults) for at, each in enumerate(entry.half_days)]
    windows = [_window(each, (*path, "closed", at), faults) for at, each in enumerate(entry.closed)]
    if not legal or week is None:
        return None
    return CalendarSpec(
        name=name,
        zone=zone,
        week=week,
        country=entry.holidays.country,
        subdivision=entry.holidays.subdivision,
        removed=tuple(removed),
        removed_names=tuple(removed_names),
        closed_days=tuple(added),
        half_days=tuple(each for group in half_days for each in group),
        closed_windows=tuple(each for each in windows if each is not None),
    )


def _read(reader: Callable[[str], _Read], text: str, path: Path, faults: Faults) -> _Read | None:
    try:
        return reader(text)
    except ValueError as error:
        problem, _, cure = str(error).partition(": ")
        faults.add(path, problem, cure[:1].upper() + cure[1:])
        return None


def _week(entry: dict[str, list[str]], path: Path, faults: Faults) -> dict[int, tuple[Opening, ...]] | None:
    """Openings by weekday. A key for one day replaces what a span said of it."""
    week: dict[int, tuple[Opening, ...]] = {}
    sound = True
    named = [(key, _read(weekdays, key, (*path, key), faults), texts) for key, texts in entry.items()]
    for key, numbers, texts in sorted(named, key=lambda each: -len(each[1] or ())):
        openings = [_read(opening, text, (*path, key), faults) for text in texts]
        if numbers is None or None in openings:
            sound = False
            continue
        ranges = tuple(sorted(each for each in openings if each is not None))
        for earlier, later in pairwise(ranges):
            if later.opens < earlier.closes:
                faults.add((*path, key), "two ranges of the day overlap", "Let each begin where the other has ended")
        week |= dict.fromkeys(numbers, ranges)
    return week if sound else None


def _legal(entry: schema.Holidays, path: Path, faults: Faults) -> bool:
    """Whether the country and its subdivision are known to the library of holidays."""
    if entry.country is None:
        if entry.subdivision is not None:
            faults.add((*path, "subdivision"), "a subdivision needs its country", 'Write "country:" beside it')
        return entry.subdivision is None
    countries = holidays.list_supported_countries()
    if not faults.known((*path, "country"), entry.country, countries, "country"):
        return False
    subdivisions = countries[entry.country]
    return faults.known((*path, "subdivision"), entry.subdivision, subdivisions, f"subdivision of {entry.country}")


def _all_days(texts: list[str], path: Path, faults: Faults) -> list[Days]:
    found = [_read(days, text, (*path, at), faults) for at, text in enumerate(texts)]
    return [each for each in found if each is not None]


def _removed(entry: schema.Holidays, path: Path, faults: Faults) -> tuple[list[Days], list[str]]:
    dated = [(at, text) for at, text in enumerate(entry.remove) if text[:1].isdigit()]
    found = [_read(days, text, (*path, at), faults) for at, text in dated]
    return [each for each in found if each is not None], [text for text in entry.remove if not text[:1].isdigit()]


def _half_day(entry: schema.HalfDayEntry, path: Path, faults: Faults) -> list[HalfDay]:
    opens = 0 if entry.opens is None else _read(minutes, entry.opens, (*path, "opens"), faults)
    closes = MINUTES_A_DAY if entry.closes is None else _read(minutes, entry.closes, (*path, "closes"), faults)
    named = _all_days(entry.on, (*path, "on"), faults)
    if opens is None or closes is None:
        return []
    if opens >= closes or (entry.opens is None and entry.closes is None):
        faults.add(path, "a half day needs a time between which it is open", 'Write "closes: 12:00" or "opens: 13:00"')
        return []
    return [HalfDay(each, opens, closes) for each in named]


def _window(entry: schema.ClosedEntry, path: Path, faults: Faults) -> ClosedWindow | None:
    start, end = (
        _read(wall_time, entry.from_, (*path, "from"), faults),
        _read(wall_time, entry.to, (*path, "to"), faults),
    )
    if start is None or end is None:
        return None
    if end <= start:
        faults.add(path, "ends before it begins", "Write the later time under to")
        return None
    return ClosedWindow(start, end, entry.why)
