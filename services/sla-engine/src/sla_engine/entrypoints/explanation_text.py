"""One lead's explanation as plain text, for a terminal."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from sla_engine.application.explanation import Explanation, ObligationExplained


def explanation_text(lead: Explanation) -> str:
    """Promises newest first, then what happened, oldest first; times in the team's zone."""
    return "\n".join(_lines(lead, ZoneInfo(lead.timezone)))


def _lines(lead: Explanation, zone: ZoneInfo) -> Iterator[str]:
    yield f"{lead.name} ({lead.key}), owned by {lead.owner or 'nobody'}"
    yield f"judged {_time(lead.judged_at, zone)} by {lead.agreement} {lead.agreement_version}; times in {lead.timezone}"
    for obligation in lead.obligations:
        yield ""
        yield from _obligation(obligation, zone)
    yield ""
    yield "what happened:"
    for moment in lead.timeline:
        yield f"  {_time(moment.at, zone)}  {moment.what}"


def _obligation(each: ObligationExplained, zone: ZoneInfo) -> Iterator[str]:
    yield f"{each.clock_name}: {each.state.value.replace('_', ' ')}; due {_time(each.deadline, zone)}"
    where = f"line {each.agreement_line} of agreement {each.agreement_version}"
    yield f"  {each.arithmetic} ({where}, segment {each.segment})"
    for ground in each.grounds:
        yield f"  {ground.role} {_time(ground.at, zone)}: {ground.what}"
    for turn in each.turns:
        until = "now" if turn.to is None else _time(turn.to, zone)
        yield f"  held by {turn.holder} from {_time(turn.since, zone)} to {until}, calendar {turn.calendar}"


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M:%S}"
