"""Clocks from their entries in the file; every target proved reachable in every calendar it may be counted in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sla_engine.adapters import agreement_schema as schema
from sla_engine.adapters.faults import Faults
from sla_engine.adapters.yaml_lines import Path
from sla_engine.domain.agreement import (
    DEFAULT_SEGMENT,
    CalendarOf,
    Clock,
    ClockKind,
    OnReassignment,
    Segment,
    Target,
    Team,
    TouchRule,
)
from sla_engine.domain.calendar import REACH_YEARS, Calendar, NeverReached
from sla_engine.domain.conditions import Condition
from sla_engine.domain.durations import Duration, DurationError, parse_duration, parse_warning
from sla_engine.domain.instants import DAY

_NAMES = {ClockKind.HANDOFF: "Handoff", ClockKind.FIRST_TOUCH: "First touch"}
_NOTHING = (None, "none")
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Reach:
    """In which calendars a clock may count, and from when on its targets must be reachable."""

    named: Mapping[str, Calendar]
    of_people: Sequence[Calendar]
    teams: Sequence[Team]
    default: Calendar
    today_us: int

    def calendars(self, choice: CalendarOf | str) -> Iterable[Calendar]:
        """The calendars that the choice may lead to, each once."""
        if not isinstance(choice, CalendarOf):
            return [self.named[choice]]
        found = [self.default, *(team.calendar for team in self.teams)]
        if choice is CalendarOf.OWNER:
            found += self.of_people
        return {id(calendar): calendar for calendar in found}.values()


def build_clocks(
    read: schema.AgreementFile,
    segments: Sequence[Segment],
    teams: Mapping[str, Team],
    reach: Reach,
    faults: Faults,
) -> tuple[Clock, ...]:
    """The enabled clocks. None at all is a fault: the agreement would promise nothing."""
    if not any(entry is not None and entry.enabled for entry in (read.clocks.handoff, read.clocks.first_touch)):
        faults.add(("clocks",), "no clock is enabled: the agreement promises nothing", "Write handoff or first_touch")
    found: list[Clock] = []
    for kind in ClockKind:
        entry: schema.ClockEntry | None = getattr(read.clocks, kind.value)
        if entry is not None and entry.enabled:
            clock = _clock(kind, entry, read, _Around(segments, teams, reach, faults))
            if clock is not None:
                found.append(clock)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Around:
    segments: Sequence[Segment]
    teams: Mapping[str, Team]
    reach: Reach
    faults: Faults


def _clock(kind: ClockKind, entry: schema.ClockEntry, read: schema.AgreementFile, around: _Around) -> Clock | None:
    path: Path = ("clocks", kind.value)
    faults = around.faults
    choice = _calendar_choice(entry.calendar, (*path, "calendar"), around)
    faults.known((*path, "escalate_to"), entry.escalate_to, around.teams, "team")
    targets = _targets(entry, (*path, "targets"), around)
    if choice is not None:
        _check_reach(targets, choice, (*path, "targets"), around)
    warnings = [_read(parse_warning, text, (*path, "warnings", at), faults) for at, text in enumerate(entry.warnings)]
    settle = _exact(entry.settle, (*path, "settle"), faults)
    by_source = {
        source: _exact(text, (*path, "settle_by_source", source), faults)
        for source, text in entry.settle_by_source.items()
    }
    if choice is None:
        return None
    common = Clock(
        kind=kind,
        name=entry.name or _NAMES[kind],
        targets=targets,
        calendar=choice,
        warnings=tuple(each for each in warnings if each is not None),
        settle_us=settle,
        settle_by_source=by_source,
        start_stages=frozenset(stage.casefold() for stage in read.stages.handoff_at),
        escalate_to=entry.escalate_to,
        line=faults.lines.of(path),
        touch=_touch(entry),
        on_reassignment=getattr(entry, "on_reassignment", OnReassignment.CONTINUE),
        cancelled_by_rejection=getattr(entry, "cancelled_by_rejection", True),
    )
    unqualified = sorted(common.start_stages - {stage.casefold() for stage in read.stages.qualified})
    if kind is ClockKind.HANDOFF and unqualified:
        faults.add(("stages", "handoff_at"), f'"{unqualified[0]}" is not a qualified stage', "Add it to qualified")
    return common


def _touch(entry: schema.ClockEntry) -> TouchRule:
    if not isinstance(entry, schema.FirstTouchEntry):
        return TouchRule()
    said = entry.touch
    return TouchRule(
        channels=tuple(said.channels), directions=tuple(said.directions), by=said.by, automated=said.automated
    )


def _calendar_choice(name: str, path: Path, around: _Around) -> CalendarOf | str | None:
    if name in {choice.value for choice in CalendarOf}:
        return CalendarOf(name)
    choices = ("team", "owner", *around.reach.named)
    return name if around.faults.known(path, name, choices, "calendar") else None


def _targets(entry: schema.ClockEntry, path: Path, around: _Around) -> tuple[tuple[Condition | None, Target], ...]:
    """Targets in the order of the segments in the file, the default last."""
    names = [segment.name for segment in around.segments]
    for name in entry.targets:
        around.faults.known((*path, name), name, [*names, DEFAULT_SEGMENT], "segment")
    found: list[tuple[Condition | None, Target]] = []
    conditions: list[tuple[str, Condition | None]] = [(each.name, each.condition) for each in around.segments]
    for name, condition in [*conditions, (DEFAULT_SEGMENT, None)]:
        if name in entry.targets:
            text = entry.targets[name]
            here = (*path, name)
            duration = None if text in _NOTHING else _read(parse_duration, text or "", here, around.faults)
            line = around.faults.lines.of(here)
            found.append((condition, Target(segment=name, duration=duration, line=line)))
    return tuple(found)


def _check_reach(
    targets: tuple[tuple[Condition | None, Target], ...], choice: CalendarOf | str, path: Path, around: _Around
) -> None:
    reach = around.reach
    for _, target in targets:
        for calendar in reach.calendars(choice):
            if target.duration is not None and not _reachable(calendar, target.duration, reach.today_us):
                problem = (
                    f'"{target.duration.text}" is never reached in {REACH_YEARS} years of calendar "{calendar.name}"'
                )
                around.faults.add((*path, target.segment), problem, "Shorten the target or open the calendar longer")


def _reachable(calendar: Calendar, duration: Duration, today_us: int) -> bool:
    try:
        due_us = calendar.add(today_us, duration.in_calendar(calendar.business_day_us))
    except NeverReached:
        return False
    return due_us - today_us <= REACH_YEARS * 366 * DAY


def _exact(text: str, path: Path, faults: Faults) -> int:
    duration = _read(parse_duration, text, path, faults)
    if duration is not None and duration.business_days:
        faults.add(path, "settling is real time, not business days", 'Write it such as "30s"')
    return 0 if duration is None else duration.us


def _read(reader: Callable[[str], _Read], text: str, path: Path, faults: Faults) -> _Read | None:
    try:
        return reader(text)
    except DurationError as error:
        problem, _, cure = str(error).partition(": ")
        faults.add(path, problem, cure[:1].upper() + cure[1:])
        return None
