"""The one line of every SLA event, in words that a manager understands."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from sla_engine.domain.durations import say
from sla_engine.domain.instants import from_us
from sla_engine.domain.obligation import Breach, Excuse, Holding, Obligation, Verdict, WarningDue

_TIME_OF_DAY = re.compile(r"\d:\d\d")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def opened(verdict: Verdict, obligation: Obligation) -> str:
    """A clock started."""
    return (
        f"{_lead(verdict, obligation)} waits for {obligation.words.waits_for}: "
        f"{_target(obligation)}, by {_clock_time(verdict, obligation)}; {_with_whom(obligation)}."
    )


def at_risk(verdict: Verdict, obligation: Obligation, warning: WarningDue) -> str:
    """The deadline is near."""
    left_us = max(obligation.target_us - warning.business_us, 0)
    left = f"{say(left_us)} of business time left, " if left_us else ""
    return (
        f"{_lead(verdict, obligation)} still waits for {obligation.words.waits_for}: "
        f"{left}due {_clock_time(verdict, obligation)}; {_with_whom(obligation)}."
    )


def breached(verdict: Verdict, obligation: Obligation, breach: Breach) -> str:
    """The deadline passed unmet."""
    broken = _filled(obligation.words.broken, verdict, obligation)
    held = "; ".join(_held(holding) for holding in breach.holders[-3:])
    charged = "" if breach.holder == breach.holders[-1].holder else f"; charged to {breach.holder.name}"
    return f"{broken} {_target(obligation)}; {held}{charged}."


def met(verdict: Verdict, obligation: Obligation) -> str:
    """Kept in time."""
    return f"{_done(verdict, obligation)} after {say(obligation.business_us)} of business time: in time."


def met_late(verdict: Verdict, obligation: Obligation) -> str:
    """Done after all."""
    return (
        f"{_done(verdict, obligation)} only after {say(obligation.business_us)} of business time, "
        f"promised {_target(obligation)}."
    )


def cancelled(verdict: Verdict, obligation: Obligation, reason: str) -> str:
    """The promise no longer applies."""
    return f"{obligation.clock_name} of {_lead(verdict, obligation)} no longer counts: {reason}."


def excused(verdict: Verdict, obligation: Obligation, excuse: Excuse) -> str:
    """A miss for which nobody is charged."""
    by = f" (by {excuse.author})" if excuse.author else ""
    return f"{obligation.clock_name} of {_lead(verdict, obligation)} is excused: {excuse.reason}{by}."


def retracted(what: str, lead_name: str, clock_name: str, reason: str) -> str:
    """Something said has proved wrong. `what` is the transition taken back."""
    return f"Taken back: {clock_name} of {lead_name} was announced as {what.replace('_', ' ')}, but {reason}."


def clock_time(instant: datetime, zone: str) -> str:
    """An instant by the wall clock of a zone: "Mon 2026-01-05 10:00 (Europe/Paris)"."""
    there = instant.astimezone(ZoneInfo(zone))
    # not strftime: its names of days are those of the process's locale, and it takes three times as long
    return (
        f"{_DAYS[there.weekday()]} {there.year:04}-{there.month:02}-{there.day:02} "
        f"{there.hour:02}:{there.minute:02} ({zone})"
    )


def _clock_time(verdict: Verdict, obligation: Obligation) -> str:
    return clock_time(from_us(obligation.deadline_us), obligation.holder.zone or verdict.timezone)


def _lead(verdict: Verdict, obligation: Obligation) -> str:
    segment = obligation.segment
    return verdict.lead_name if segment == "default" else f"{verdict.lead_name} ({segment})"


def _target(obligation: Obligation) -> str:
    text = obligation.target_text
    if _TIME_OF_DAY.search(text):
        return f"by {text.removeprefix('by ')}"
    return f"within {text}" if "day" in text or "wall" in text else f"within {say(obligation.target_us)}"


def _with_whom(obligation: Obligation) -> str:
    return f"{obligation.holder.name} holds the lead"


def _held(holding: Holding) -> str:
    return f"{holding.holder.name} has held the lead for {say(holding.business_us)} of business time"


def _done(verdict: Verdict, obligation: Obligation) -> str:
    """The clock's words; `{by}` is filled where the reason names somebody, or goes."""
    by = obligation.reason.partition(" by ")[2]
    return _filled(obligation.words.done, verdict, obligation, f" by {by}" if by else "")


def _filled(words: str, verdict: Verdict, obligation: Obligation, by: str = "") -> str:
    return words.replace("{by}", by).replace("{lead}", _lead(verdict, obligation))
