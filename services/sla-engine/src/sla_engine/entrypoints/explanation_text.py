"""One lead's explanation as plain text, for a terminal of 80 columns."""

import textwrap
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from sla_engine.application.explained import Explanation, Ground, ObligationExplained, Turn
from sla_engine.application.explanation import exactly

WIDTH = 80
MOST_STRETCHES = 14
"""Stretches of a turn that are listed; of a longer one the rest is only counted."""


def explanation_text(lead: Explanation) -> str:
    """Promises newest first, then what happened, oldest first; times in the team's zone."""
    return "\n".join(_lines(lead, ZoneInfo(lead.timezone)))


def _lines(lead: Explanation, zone: ZoneInfo) -> Iterator[str]:
    yield from _wrapped(f"{lead.name} ({lead.key}), owned by {lead.owner or 'nobody'}")
    yield from _wrapped(
        f"judged {_time(lead.judged_at, zone)} by {lead.agreement} {lead.agreement_version}; times in {lead.timezone}"
    )
    for obligation in lead.obligations:
        yield ""
        yield from _obligation(obligation, zone)
    yield ""
    yield "what happened:"
    for moment in lead.timeline:
        yield from _wrapped(f"{_time(moment.at, zone)}  {moment.what}", 2, 27)


def _obligation(each: ObligationExplained, zone: ZoneInfo) -> Iterator[str]:
    yield from _wrapped(f"{each.clock_name}: {each.state.value.replace('_', ' ')}{_which(each)}")
    yield from _wrapped(f"{each.arithmetic}", 2)
    yield from _wrapped(_whole(each), 2)
    where = f"line {each.agreement_line} of agreement {each.agreement_version}"
    yield from _wrapped(f"promised: {each.target_text} ({where}, segment {each.segment})", 2)
    yield from _wrapped(f"due {_time(each.deadline, zone)}: {each.due_reason}", 2)
    for step in each.deadline_steps if len(each.deadline_steps) > 1 else ():
        span = f"{_time(step.start, zone)} – {_time(step.end, zone)}"
        yield from _wrapped(f"{span}  {exactly(step.seconds)} {step.holder}", 4, 6)
    if each.restarted_at is not None:
        yield from _wrapped(f"the clock started anew {_time(each.restarted_at, zone)}", 2)
    asked = ""
    for ground in each.grounds:
        yield from _ground(ground, zone, asked)
        asked = ground.question
    for pause in each.pauses:
        until = "now" if pause.to is None else _time(pause.to, zone)
        why = f": {pause.reason} (by {pause.author}, line {pause.agreement_line})" if pause.kind == "exception" else ""
        yield from _wrapped(f"nothing counted {_time(pause.start, zone)} to {until}{why}", 2)
    for turn in each.turns:
        yield from _turn(turn, zone)
    if each.charge is not None:
        team = f" ({each.charge.team})" if each.charge.team else ""
        yield from _wrapped(
            f"charged to {each.charge.holder}{team}: {each.charge.because} (blame: {each.charge.rule})", 2
        )
    elif each.excuse is not None:
        by = f" by {each.excuse.author}" if each.excuse.author else ""
        yield from _wrapped(
            f"excused{by}, charged to nobody: {each.excuse.reason} (line {each.excuse.agreement_line})", 2
        )
    for said in each.announcements:
        warning = f" {said.warning}" if said.warning else ""
        back = "" if said.standing else f"; taken back{f': {said.reason}' if said.reason else ''}"
        what = said.transition.replace("_", " ")
        yield from _wrapped(f"announced {what}{warning}, as of {_time(said.at, zone)}{back}", 2)


def _which(each: ObligationExplained) -> str:
    """Which run of its clock it is, where that needs saying."""
    stay = f", stay {each.cycle}" if each.cycle > 1 else ""
    if each.rounds == 1 and each.round == 1:
        return stay
    return f"{stay}, round {each.round}" + ("" if each.rounds is None else f" of {each.rounds}")


def _whole(each: ObligationExplained) -> str:
    """The whole time, and what became of it."""
    added = each.sum
    whole = f"{exactly(added.wall_seconds)} by the wall clock"
    if added.paused_seconds is None or added.closed_seconds is None:
        return whole
    return (
        f"{whole} = {exactly(added.used_seconds)} counted + {exactly(added.paused_seconds)} paused"
        f" + {exactly(added.closed_seconds)} closed"
    )


def _ground(ground: Ground, zone: ZoneInfo, asked_before: str) -> Iterator[str]:
    yield from _wrapped(f"{ground.role} {_time(ground.at, zone)}: {ground.what}", 2)
    if ground.question and ground.question != asked_before:
        yield from _wrapped(f"asked: when {ground.question}", 4, 6)


def _turn(turn: Turn, zone: ZoneInfo) -> Iterator[str]:
    until = "now" if turn.to is None else _time(turn.to, zone)
    yield from _wrapped(f"held by {turn.holder} from {_time(turn.since, zone)} to {until}:", 2)
    used = f"{exactly(turn.business_seconds)} counted of {exactly(turn.wall_seconds)}, calendar {turn.calendar}"
    yield from _wrapped(used, 4, 6)
    for stretch in turn.stretches[:MOST_STRETCHES]:
        why = f"  {stretch.reason}" if stretch.reason else ""
        span = f"{_time(stretch.start, zone)} – {_time(stretch.end, zone)}"
        yield from _wrapped(f"{stretch.kind:<9} {span}{why}", 4, 14)
    more = turn.more_stretches + max(len(turn.stretches) - MOST_STRETCHES, 0)
    if more:
        yield f"    and {more} more"


def _wrapped(text: str, indent: int = 0, hanging: int | None = None) -> list[str]:
    """The text on lines of WIDTH columns; words longer than that are left whole."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2 if hanging is None else hanging),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M:%S}"
