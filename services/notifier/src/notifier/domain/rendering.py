"""From SLA events to what people read in Slack: Block Kit blocks and the text that notifications show.

A sales manager understands a message within three seconds: a coloured sign, what happened, to which lead, by when, who
has it. Everything that comes from outside is escaped and cut to Slack's limits.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from notifier.domain.channels import Step
from notifier.domain.durations import spoken
from notifier.domain.slack_text import escaped, link, mention, moment, one_line, plain
from shared.events.sla import (
    AnySlaEvent,
    HolderTime,
    ObligationAtRisk,
    ObligationBreached,
    ObligationCancelled,
    ObligationMetLate,
    ObligationRetracted,
    Party,
)

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
FIELD_LIMIT = 2000
TEXT_LIMIT = 3000
"""Slack advises at most 4,000 for the text."""
NAME_LIMIT = 80
LINE_LIMIT = 600
MAX_HOLDERS = 4
LATE_AFTER = timedelta(minutes=5)
"""A message that goes out longer than this after its announcement says so."""

SIGNS: Mapping[Step, str] = {
    Step.WARNING: "🟡",
    Step.BREACH: "🔴",
    Step.MET_LATE: "🟠",
    Step.CANCELLED: "⚪",
    Step.RETRACTED: "⚪",
    Step.RESTORED: "🔴",
    Step.FORGOTTEN: "⚪",
}

_PHRASES: Mapping[Step, str] = {
    Step.WARNING: "{clock} due soon",
    Step.BREACH: "{clock} missed",
    Step.MET_LATE: "{clock} done late",
    Step.CANCELLED: "{clock} no longer due",
    Step.RETRACTED: "{clock} not missed after all",
    Step.RESTORED: "{clock} still open",
    Step.FORGOTTEN: "{clock}, of somebody who asked to be deleted",
}

Block = dict[str, Any]
"""A Block Kit block: JSON, as Slack documents it."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent: `blocks` for the channel, `text` for notifications and for clients that show no blocks."""

    blocks: tuple[Block, ...]
    text: str


def render(step: Step, event: AnySlaEvent, *, about: AnySlaEvent | None, console_url: str, now: datetime) -> Message:
    """The message for `event`. `about` is the event that an edit or a follow-up concerns."""
    headline = _headline(step, event, about)
    fields = _fields(step, event)
    blocks: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": plain(headline, HEADER_LIMIT), "emoji": True}},
        _section(_body(step, event, about)),
        {"type": "section", "fields": [_mrkdwn(f"*{name}*\n{value}") for name, value in fields]},
        {"type": "context", "elements": [_mrkdwn(line) for line in _small_print(event, console_url, now=now)]},
    ]
    return Message(blocks=tuple(blocks), text=_text(headline, event))


def _headline(step: Step, event: AnySlaEvent, about: AnySlaEvent | None) -> str:
    lead = plain(event.lead_name, NAME_LIMIT) or plain(event.lead, NAME_LIMIT)
    clock = plain(event.clock_name, NAME_LIMIT // 2)
    of_warning = step is Step.RETRACTED and isinstance(about, ObligationAtRisk)
    phrase = "{clock}: warning taken back" if of_warning else _PHRASES[step]
    return f"{SIGNS[step]} {phrase.format(clock=clock)}: {lead}"


def _body(step: Step, event: AnySlaEvent, about: AnySlaEvent | None) -> str:
    lines = [escaped(event.summary, LINE_LIMIT)]
    manager = event.escalation.manager if event.escalation is not None else None
    match event:
        case ObligationBreached() if manager is not None:
            lines[0] = f"{_person(manager)} {lines[0]}"
        case ObligationMetLate():
            lines.append(f"Done {moment(event.occurred_at, zone=event.holder.zone)}, {_overrun(event)}.")
        case ObligationRetracted() if step is Step.RESTORED:
            lines = [escaped(about.summary if about else event.summary, LINE_LIMIT), f"*Corrected:* {lines[0]}"]
        case ObligationCancelled() | ObligationRetracted() if event.reason not in event.summary:
            lines.append(f"*Why:* {escaped(event.reason, LINE_LIMIT)}")
        case _:
            pass
    if about is not None and step in {Step.MET_LATE, Step.CANCELLED, Step.RETRACTED}:
        lines.append(f"~{escaped(about.summary, LINE_LIMIT)}~")
    return "\n".join(line for line in lines if line) or escaped(event.clock, LINE_LIMIT) or "-"


def _overrun(event: ObligationMetLate) -> str:
    working = event.business_seconds - event.target_seconds
    if working > 0:
        return f"{spoken(working)} of business time too late"
    return f"{spoken((event.occurred_at - event.deadline).total_seconds())} too late"


def _fields(step: Step, event: AnySlaEvent) -> list[tuple[str, str]]:
    due = "Due" if step is Step.WARNING else "Was due"
    fields = [
        ("Owner", _party(event.holder)),
        (due, moment(event.deadline, zone=event.holder.zone)),
        ("Promised within", f"{spoken(event.target_seconds)} of business time"),
        ("Held for", _holders(event)),
    ]
    return [(name, value) for name, value in fields if value]


def _holders(event: AnySlaEvent) -> str:
    held = [holder for holder in event.holders if holder.business_seconds > 0] or list(event.holders)
    if not held:
        return spoken(event.business_seconds)
    shown = [_held(holder) for holder in held[-MAX_HOLDERS:]]
    left_out = len(held) - len(shown)
    return " → ".join([f"{left_out} others"] * bool(left_out) + shown)


def _held(holder: HolderTime) -> str:
    return f"{escaped(holder.holder.name or holder.holder.id, NAME_LIMIT)} {spoken(holder.business_seconds)}"


def _party(party: Party) -> str:
    person = _person(party)
    return f"{person} ({escaped(party.team, NAME_LIMIT)})" if party.team and party.team != party.name else person


def _person(party: Party) -> str:
    """A mention where the member is known, else the name."""
    tagged = mention(party.slack) if party.slack else None
    return tagged or escaped(party.name or party.id, NAME_LIMIT)


def _small_print(event: AnySlaEvent, console_url: str, *, now: datetime) -> Sequence[str]:
    links = [
        link(f"{console_url}/leads/{quote(event.lead, safe=':')}", "Timeline and reasons"),
        link(event.crm_url, "Open in the CRM"),
    ]
    agreement = f"{escaped(event.agreement, NAME_LIMIT)} {escaped(event.agreement_version, NAME_LIMIT)}".strip()
    lines = [" · ".join(each for each in links if each), f"Agreement {agreement}, segment {_segment(event)}"]
    if event.late or now - event.announced_at > LATE_AFTER:
        lines.append(f"⏱ This message is late: it was due {moment(event.occurred_at, zone=event.holder.zone)}")
    return [line for line in lines if line]


def _segment(event: AnySlaEvent) -> str:
    return escaped(event.segment, NAME_LIMIT) or "default"


def _text(headline: str, event: AnySlaEvent) -> str:
    lead_in = escaped(headline, 2 * HEADER_LIMIT)
    return f"{lead_in}\n{escaped(event.summary, LINE_LIMIT)}"[:TEXT_LIMIT]


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def names_of(event: AnySlaEvent) -> Mapping[str, str]:
    """Slack member ids in the event's message and the names of those people, for readers who are not in Slack."""
    manager = event.escalation.manager if event.escalation is not None else None
    parties = [event.holder, *(each.holder for each in event.holders), *([manager] if manager else [])]
    return {party.slack: one_line(party.name) for party in parties if party.slack}
