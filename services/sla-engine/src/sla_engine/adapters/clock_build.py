"""Clocks from their entries in the file; every target proved reachable in every calendar it may be counted in."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sla_engine.adapters import agreement_schema as schema
from sla_engine.adapters.families import FAMILIES
from sla_engine.adapters.faults import Faults
from sla_engine.adapters.moment_build import Names, build_moment
from sla_engine.adapters.yaml_lines import Path
from sla_engine.domain.agreement import (
    DEFAULT_SEGMENT,
    CalendarOf,
    Clock,
    HeldBy,
    Per,
    Plan,
    Segment,
    Target,
    Words,
)
from sla_engine.domain.calendar import REACH_YEARS, Calendar, NeverReached
from sla_engine.domain.conditions import Condition
from sla_engine.domain.durations import (
    Appointment,
    Duration,
    DurationError,
    parse_duration,
    parse_share,
    parse_target,
    parse_warning,
)
from sla_engine.domain.instants import DAY
from sla_engine.domain.moments import Moment

_Read = TypeVar("_Read")
_BLANK = re.compile(r"\{(\w*)\}")
_MOMENTS = ("start", "stop", "reset", "cancel", "pause", "resume")


@dataclass(frozen=True, slots=True)
class Reach:
    """In which calendars a clock may count, and from when on its targets must be reachable."""

    named: Mapping[str, Calendar]
    of_people: Sequence[Calendar]
    of_teams: Sequence[Calendar]
    default: Calendar
    today_us: int

    def calendars(self, choice: CalendarOf | str) -> Iterable[Calendar]:
        """The calendars that the choice may lead to, each once."""
        if not isinstance(choice, CalendarOf):
            return [self.named[choice]]
        found = [self.default, *self.of_teams]
        if choice is CalendarOf.OWNER:
            found += self.of_people
        return {id(calendar): calendar for calendar in found}.values()


@dataclass(frozen=True, slots=True)
class Around:
    """What clocks are built from besides their own entries."""

    read: schema.AgreementFile
    segments: Sequence[Segment]
    names: Names
    reach: Reach
    faults: Faults


def build_clocks(around: Around) -> tuple[Clock, ...]:
    """The enabled clocks, in the order of the file. None at all is a fault: the agreement would promise nothing."""
    read, faults = around.read, around.faults
    if not any(entry.enabled for entry in read.clocks.values()):
        faults.add(("clocks",), "no clock is enabled: the agreement promises nothing", "Write handoff or first_touch")
    found: list[Clock] = []
    for name, entry in read.clocks.items():
        clock = _clock(name, entry, around)
        if clock is not None and entry.enabled:
            found.append(clock)
    try:
        Plan(tuple(found))
    except ValueError as error:
        faults.add(("clocks",), f"clocks wait for each other: {error}", "Let one of them start by itself")
        return ()
    return tuple(found)


def _clock(name: str, entry: schema.ClockEntry, around: Around) -> Clock | None:
    path: Path = ("clocks", name)
    faults = around.faults
    if not name.replace("_", "").isalnum() or not name.isascii() or name != name.lower():
        faults.add(path, f'"{name}" is no id of a clock', "Write it of a-z, 0-9 and _; what people read is its name")
    family = _family(name, entry, path, around)
    said = entry if family is None else _with_family(entry, family, around.read)
    if said.start is None or said.stop is None:
        missing = "start" if said.start is None else "stop"
        near = f'say "{missing}:", or take a family: {", ".join(FAMILIES)}'
        faults.add(path, f"nothing says when it {missing}s", near[:1].upper() + near[1:])
        return None
    choice = _calendar_choice(said.calendar, (*path, "calendar"), around)
    faults.known((*path, "escalate_to"), said.escalate_to, around.names.teams, "team")
    held_by = _held_by(said.held_by, (*path, "held_by"), around)
    targets = _targets(said, (*path, "targets"), choice, around)
    warnings = [_read(parse_warning, text, (*path, "warnings", at), faults) for at, text in enumerate(said.warnings)]
    _check_words(said, path, faults)
    settle = _exact(said.settle, (*path, "settle"), faults)
    by_source = {
        source: _exact(text, (*path, "settle_by_source", source), faults)
        for source, text in said.settle_by_source.items()
    }
    moments = {
        each: build_moment(getattr(said, each), (*path, each), around.names, faults)
        for each in _MOMENTS
        if getattr(said, each) is not None
    }
    _check_moments(moments, path, faults)
    if choice is None or held_by is None:
        return None
    return Clock(
        id=name,
        name=said.name or name.replace("_", " ").capitalize(),
        words=_words(said, name),
        **moments,
        per=said.per,
        times=_how_often(said),
        held_by=held_by,
        targets=targets,
        calendar=choice,
        warnings=tuple(each for each in warnings if each is not None),
        settle_us=settle,
        settle_by_source=by_source,
        on_reassignment=said.on_reassignment,
        blame=said.blame or around.read.agreement.blame,
        escalate_to=said.escalate_to,
        goal=_read(parse_share, said.goal, (*path, "goal"), faults) or 0.0,
        line=faults.lines.of(path),
    )


def _family(name: str, entry: schema.ClockEntry, path: Path, around: Around) -> str | None:
    if entry.family is None:
        return name if name in FAMILIES else None
    around.faults.known((*path, "family"), entry.family, FAMILIES, "family")
    return entry.family if entry.family in FAMILIES else None


def _with_family(entry: schema.ClockEntry, family: str, read: schema.AgreementFile) -> schema.ClockEntry:
    """The entry, with what it does not say taken from the family, and its short forms written out."""
    base = FAMILIES[family]
    taken = {field: getattr(base, field) for field in base.model_fields_set - entry.model_fields_set}
    if family == "handoff" and "start" in taken:
        taken["start"] = schema.MomentEntry(stage=read.stages.handoff_at)
    if family == "first_touch":
        if entry.touch is not None and "stop" in taken:
            taken["stop"] = schema.MomentEntry(touch=entry.touch)
        if not entry.cancelled_by_rejection:
            taken.pop("cancel", None)
    return entry.model_copy(update=taken)


def _check_words(said: schema.ClockEntry, path: Path, faults: Faults) -> None:
    """Blanks that nobody fills would be shown to people as they are written."""
    for field, known in (("waits_for", ()), ("broken", ("lead",)), ("done", ("lead", "by"))):
        for blank in _BLANK.findall(getattr(said.words, field) or ""):
            if blank not in known:
                problem = f'"{{{blank}}}" is filled by nothing here'
                near = " and ".join(f"{{{each}}}" for each in known)
                faults.add((*path, "words", field), problem, f"Write {near}" if known else "Write the words themselves")


def _words(said: schema.ClockEntry, name: str) -> Words:
    called = said.name or name.replace("_", " ").capitalize()
    return Words(
        waits_for=said.words.waits_for or called.lower(),
        broken=said.words.broken or f"{called} of {{lead}} was not done",
        done=said.words.done or f"{called} of {{lead}} was done{{by}}",
    )


def _how_often(said: schema.ClockEntry) -> int | None:
    if said.times is None:
        return 1 if said.per is Per.STAY else None
    return said.times or None


def _held_by(text: str, path: Path, around: Around) -> HeldBy | str | None:
    if text in {each.value for each in HeldBy}:
        return HeldBy(text)
    choices = ("owner", "marketing", *around.names.teams)
    return text if around.faults.known(path, text, choices, "team") else None


def _check_moments(moments: Mapping[str, Moment], path: Path, faults: Faults) -> None:
    """What passes at once, and what lasts, each where it can mean something."""
    pause, resume, reset = moments.get("pause"), moments.get("resume"), moments.get("reset")
    if reset is not None and reset.rests:
        faults.add((*path, "reset"), "holds for longer than an instant", 'Ask for an event in it, such as "touch: {}"')
    if pause is None:
        if resume is not None:
            faults.add((*path, "resume"), "nothing is paused", 'Say "pause:", or leave it out')
    elif resume is None and not pause.rests:
        faults.add(
            (*path, "pause"), "nothing says when time counts again", 'Say "resume:", for an event passes at once'
        )
    elif resume is not None and pause.rests:
        faults.add((*path, "resume"), "time counts again once pause no longer holds", 'Leave "resume:" out')


def _calendar_choice(name: str, path: Path, around: Around) -> CalendarOf | str | None:
    if name in {choice.value for choice in CalendarOf}:
        return CalendarOf(name)
    choices = ("team", "owner", *around.reach.named)
    return name if around.faults.known(path, name, choices, "calendar") else None


def _targets(
    said: schema.ClockEntry, path: Path, choice: CalendarOf | str | None, around: Around
) -> tuple[tuple[Condition | None, Target], ...]:
    """Targets in the order of the segments in the file, the default last."""
    names = [segment.name for segment in around.segments]
    for name in said.targets:
        around.faults.known((*path, name), name, [*names, DEFAULT_SEGMENT], "segment")
    found: list[tuple[Condition | None, Target]] = []
    conditions: list[tuple[str, Condition | None]] = [(each.name, each.condition) for each in around.segments]
    for name, condition in [*conditions, (DEFAULT_SEGMENT, None)]:
        if name in said.targets:
            found.append((condition, _target(name, said.targets[name], (*path, name), choice, around)))
    return tuple(found)


def _target(
    segment: str, entry: schema.TargetEntry | None, path: Path, choice: CalendarOf | str | None, around: Around
) -> Target:
    line = around.faults.lines.of(path)
    if entry is None:
        return Target(segment=segment, due=(), line=line)
    own = None if entry.calendar is None else _calendar_choice(entry.calendar, (*path, "calendar"), around)
    due = [_read(parse_target, text, path, around.faults) for text in entry.within]
    counted_in = own or choice
    for each in due:
        if each is not None and counted_in is not None:
            _check_reach(each, counted_in, path, around)
    return Target(segment=segment, due=tuple(each for each in due if each is not None), calendar=own, line=line)


def _check_reach(due: Duration | Appointment, choice: CalendarOf | str, path: Path, around: Around) -> None:
    reach = around.reach
    for calendar in reach.calendars(choice):
        if not _reachable(calendar, due, reach.today_us):
            problem = f'"{due.text}" is never reached in {REACH_YEARS} years of calendar "{calendar.name}"'
            around.faults.add(path, problem, "Shorten the target or open the calendar longer")


def _reachable(calendar: Calendar, due: Duration | Appointment, today_us: int) -> bool:
    try:
        if isinstance(due, Appointment):
            due_us = calendar.appointment(today_us, due.business_days, due.minute)
        elif due.wall:
            due_us = today_us + due.us
        else:
            due_us = calendar.add(today_us, due.in_calendar(calendar.business_day_us))
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
