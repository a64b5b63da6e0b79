"""The working behind a verdict: the stretches of each holder's turn, how the deadline came about, and the sum.

What stands here is computed from the agreement's calendars anew, and is compared with what was judged: where the two
do not agree (a calendar of that name is no longer what it was) nothing is listed rather than something wrong.
"""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from sla_engine.domain.agreement import Agreement
from sla_engine.domain.calendar import Calendar
from sla_engine.domain.calendar_year import first_instant, last_instant
from sla_engine.domain.instants import from_us, seconds
from sla_engine.domain.obligation import Holding, Obligation, Paused

MOST_STRETCHES = 60
"""Stretches listed per holder; of a longer turn the rest is only counted."""

OPEN, CLOSED, PAUSED, EXCEPTION = "open", "closed", "paused", "exception"


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A part of somebody's turn: `open` (it counted), `closed` (by the calendar; `reason` where it gives one),
    or open and yet not counted: `paused` (by the lead), `exception` (by the agreement, with its reason)."""

    start: datetime
    end: datetime
    kind: str
    reason: str = ""


class Working(msgspec.Struct, frozen=True, kw_only=True):
    """One holder's turn, laid open. The stretches make up the whole turn; those of each kind make up what counted, what
    was paused, and what was closed."""

    stretches: Sequence[Stretch]
    more_stretches: int
    more_open: int
    """Of those, the ones that counted."""
    paused_seconds: float
    """Open hours in which nothing counted."""
    closed_seconds: float


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """What one turn adds to the sum. `counted` False: it was used before the clock started anew."""

    holder: str
    seconds: float
    counted: bool


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """The arithmetic. The terms add up to `used`; `used` − `before_restart` − `target` is `over` (negative: what is
    left); `used` + `paused` + `closed` is `wall`.

    `over_seconds` None: an appointment is due at an instant, however much business time it takes. `unit` is
    "business time" or "wall time". `paused_seconds` and `closed_seconds` None: the calendars are not known any more.
    """

    unit: str
    terms: Sequence[Term]
    used_seconds: float
    before_restart_seconds: float
    target_seconds: float
    over_seconds: float | None
    wall_seconds: float
    paused_seconds: float | None
    closed_seconds: float | None


class DeadlineStep(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the way to the deadline: the time that counted for a holder. The last ends at the deadline."""

    holder: str
    calendar: str
    start: datetime
    end: datetime
    seconds: float


def is_appointment(obligation: Obligation) -> bool:
    """Whether it is due at a time of the wall clock."""
    return ":" in obligation.target_text


def is_wall(obligation: Obligation) -> bool:
    """Whether every hour counts towards it, whatever the calendar."""
    return "wall" in obligation.target_text


def working(holding: Holding, obligation: Obligation, agreement: Agreement) -> Working | None:
    """A turn laid open; None where its calendar is not to be found."""
    end_us = holding.since_us + holding.wall_us
    for calendar in _calendars(holding, agreement):
        used_us = calendar.elapsed(holding.since_us, end_us) - _lost_us(holding, calendar, end_us)
        if used_us == holding.business_us:
            found = _stretches(holding, obligation, calendar, end_us)
            paused_us = _lost_us(holding, calendar, end_us)
            return Working(
                stretches=found[:MOST_STRETCHES],
                more_stretches=max(len(found) - MOST_STRETCHES, 0),
                more_open=sum(each.kind == OPEN for each in found[MOST_STRETCHES:]),
                paused_seconds=seconds(paused_us),
                closed_seconds=seconds(holding.wall_us - holding.business_us - paused_us),
            )
    return None


def sum_of(obligation: Obligation, workings: Sequence[Working | None]) -> Sum:
    """The arithmetic of a verdict."""
    known = [each for each in workings if each is not None]
    whole = len(known) == len(workings)
    before_us = sum(each.business_us for each in obligation.holders if each.since_us < obligation.target_since_us)
    over_us = obligation.business_us - before_us - obligation.target_us
    return Sum(
        unit="wall time" if is_wall(obligation) else "business time",
        terms=[
            Term(
                holder=each.holder.name,
                seconds=seconds(each.business_us),
                counted=each.since_us >= obligation.target_since_us,
            )
            for each in obligation.holders
        ],
        used_seconds=seconds(obligation.business_us),
        before_restart_seconds=seconds(before_us),
        target_seconds=seconds(obligation.target_us),
        over_seconds=None if is_appointment(obligation) else seconds(over_us),
        wall_seconds=seconds(obligation.wall_us),
        paused_seconds=sum(each.paused_seconds for each in known) if whole else None,
        closed_seconds=sum(each.closed_seconds for each in known) if whole else None,
    )


def steps_to_deadline(obligation: Obligation) -> Sequence[DeadlineStep]:
    """Whose time made up the target; the last holder's goes on to the deadline. None for an appointment."""
    if is_appointment(obligation):
        return ()
    held = obligation.holders if obligation.breach is None else obligation.breach.holders
    held = tuple([each for each in held if each.since_us >= obligation.target_since_us]) or held[-1:]
    steps: list[DeadlineStep] = []
    rest_us = obligation.target_us
    for at, each in enumerate(held):
        last = at == len(held) - 1
        used_us = rest_us if last else each.business_us
        rest_us -= used_us
        steps.append(
            DeadlineStep(
                holder=each.holder.name,
                calendar=each.calendar,
                start=from_us(each.since_us),
                end=from_us(obligation.deadline_us if last else each.since_us + each.wall_us),
                seconds=seconds(used_us),
            )
        )
    return steps


def own_pauses(obligation: Obligation) -> list[Paused]:
    """The pauses that the lead itself made."""
    return [each for each in obligation.pauses if each.from_event is not None]


def _calendars(holding: Holding, agreement: Agreement) -> Iterator[Calendar]:
    """All that bear the calendar's name and may be meant, the person's own first."""
    named = [person.calendar for person in agreement.people.values() if person.id == holding.holder.id]
    named += [team.calendar for team in agreement.teams.values()]
    named += [*agreement.calendars.values(), agreement.default_calendar]
    yield from {id(each): each for each in named if each.name == holding.calendar}.values()


def _lost_us(holding: Holding, calendar: Calendar, end_us: int) -> int:
    """Open time within the turn in which nothing counted."""
    return sum(
        calendar.elapsed(max(from_us_, holding.since_us), min(to_us, end_us)) for from_us_, to_us in holding.gaps
    )


def _stretches(holding: Holding, obligation: Obligation, calendar: Calendar, end_us: int) -> list[Stretch]:
    """The turn from its beginning to its end, cut wherever something changes."""
    hours = list(calendar.intervals(holding.since_us, end_us))
    shut = _reasons(calendar)
    pauses = [each for each in obligation.pauses if each.from_us < end_us and (each.to_us or end_us) > holding.since_us]
    own = [(each.from_us, each.to_us or end_us) for each in pauses if each.from_event is not None]
    windows = [_window(each) for each in pauses if each.from_event is None]
    is_open, is_still, is_paused = _Along(hours), _Along(holding.gaps), _Along(own)
    spans = [*hours, *holding.gaps, *own, *[each[:2] for each in (*shut, *windows)]]
    found: list[tuple[int, int, str, str]] = []
    for start_us, stop_us in itertools.pairwise(_cuts(holding.since_us, end_us, spans)):
        if not is_open.at(start_us):
            kind, reason = CLOSED, _reason(start_us, shut)
        elif not is_still.at(start_us):
            kind, reason = OPEN, ""
        elif is_paused.at(start_us):
            kind, reason = PAUSED, ""
        else:
            kind, reason = EXCEPTION, _reason(start_us, windows)
        if found and found[-1][2:] == (kind, reason):
            found[-1] = (found[-1][0], stop_us, kind, reason)
        else:
            found.append((start_us, stop_us, kind, reason))
    return [
        Stretch(start=from_us(start_us), end=from_us(stop_us), kind=kind, reason=reason)
        for start_us, stop_us, kind, reason in found
    ]


class _Along:
    """Goes along spans that stand in order and apart, as the instants that are asked about go on."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self._spans = spans
        self._place = 0

    def at(self, instant_us: int) -> bool:
        """Whether the instant lies in one of them. Instants must not go back."""
        while self._place < len(self._spans) and self._spans[self._place][1] <= instant_us:
            self._place += 1
        return self._place < len(self._spans) and self._spans[self._place][0] <= instant_us


def _cuts(since_us: int, end_us: int, spans: Sequence[tuple[int, int]]) -> list[int]:
    """Every instant within the turn at which something changes, and its ends."""
    edges = {since_us, end_us}
    for span in spans:
        edges.update(span)
    return sorted(edge for edge in edges if since_us <= edge <= end_us)


def _reason(at_us: int, windows: Sequence[tuple[int, int, str]]) -> str:
    return next((reason for from_at, to_at, reason in windows if from_at <= at_us < to_at), "")


def _window(each: Paused) -> tuple[int, int, str]:
    reason = f"{each.reason} (by {each.author})" if each.author else each.reason
    return each.from_us, each.to_us or each.from_us, reason


def _reasons(calendar: Calendar) -> list[tuple[int, int, str]]:
    """The windows in which the calendar is closed for a reason that it gives: absences, above all."""
    zone = ZoneInfo(calendar.zone)
    return [
        (first_instant(each.start, zone), last_instant(each.end, zone), each.reason or "closed")
        for each in calendar.spec.closed_windows
    ]
