"""Many broken promises in one message: what a manager reads after an outage, instead of a message for each.

The message is edited as things change: what was done late, taken back or cancelled is struck through where it stands.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from notifier.domain.durations import spoken
from notifier.domain.rendering import LATE_AFTER, NAME_LIMIT, SECTION_LIMIT, Block, Message
from notifier.domain.review import Entry
from notifier.domain.slack_text import escaped, link, mention, moment, width
from shared.events.sla import ObligationBreached, ObligationCancelled, ObligationMetLate, ObligationRetracted, Party

MOST_LINES = 40
"""A channel is no place for longer lists; the console has all of it."""
MOST_MANAGERS = 5
LINE_LIMIT = 600
"""A line with a longer address goes without its link."""
CLOCK_LIMIT = 40


def render_roll_up(entries: Sequence[Entry], *, console_url: str, now: datetime) -> Message:
    """The list of broken promises as they stand now, oldest deadline first."""
    ordered = sorted(entries, key=lambda entry: (entry.event.deadline, entry.delivery.sequence))
    shown = ordered[:MOST_LINES]
    headline = f"🔴 {len(ordered)} {'promise' if len(ordered) == 1 else 'promises'} missed"
    lead_in = _lead_in(ordered)
    lines = [_line(entry, console_url) for entry in shown]
    blocks: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": headline, "emoji": True}},
        _section(lead_in),
        *(_section(text) for text in _sections(lines)),
        {"type": "context", "elements": [_mrkdwn(line) for line in _small_print(ordered, shown, console_url, now)]},
    ]
    return Message(blocks=tuple(blocks), text=f"{headline}\n{lead_in}"[:SECTION_LIMIT])


def fate(entry: Entry) -> str | None:
    """What became of a broken promise after it was announced; None: it is still open."""
    taken_back = {other.retracts for other in entry.later if isinstance(other, ObligationRetracted)}
    if entry.event.id in taken_back:
        return "not missed after all"
    for other in reversed(entry.later):
        if other.id in taken_back:
            continue
        if isinstance(other, ObligationMetLate):
            late = (other.occurred_at - other.deadline).total_seconds()
            return f"done {spoken(late)} late"
        if isinstance(other, ObligationCancelled):
            return "no longer due"
    return None


def _lead_in(ordered: Sequence[Entry]) -> str:
    """Between when and when, whom it concerns, and how much of it is settled."""
    first, last = ordered[0].event, ordered[-1].event
    told = f"They fell due between {moment(first.deadline, zone=None)} and {moment(last.deadline, zone=None)}"
    managers = list(dict.fromkeys(tagged for entry in ordered if (tagged := _manager(entry))))
    settled = sum(fate(entry) is not None for entry in ordered)
    words = [*managers[:MOST_MANAGERS], f"{told}; so many at once are told together."]
    if settled:
        words.append(f"*{settled} of {len(ordered)} settled since.*")
    return " ".join(words)


def _manager(entry: Entry) -> str | None:
    escalation = entry.event.escalation
    manager = escalation.manager if escalation is not None else None
    return None if manager is None else _person(manager)


def _line(entry: Entry, console_url: str) -> str:
    event = entry.event
    lead = escaped(event.lead_name, NAME_LIMIT) or escaped(event.lead, NAME_LIMIT)
    linked = link(f"{console_url}/leads/{quote(event.lead, safe=':')}", lead.replace("|", "/")) or lead
    clock = escaped(event.clock_name, CLOCK_LIMIT)
    ended = fate(entry)
    if ended is not None:
        before, after = f"⚪ ~{clock}: ", f"~ {ended}"
    else:
        holder = escaped(event.holder.name or event.holder.id, CLOCK_LIMIT)
        before, after = f"🔴 {clock}: ", f", {holder}, was due {moment(event.deadline, zone=event.holder.zone)}"
    line = before + linked + after
    return line if width(line) <= LINE_LIMIT else before + lead + after


def _sections(lines: Sequence[str]) -> Iterator[str]:
    """As many lines together as a block takes."""
    text = ""
    for line in lines:
        if text and width(text) + 1 + width(line) > SECTION_LIMIT:
            yield text
            text = ""
        text = f"{text}\n{line}" if text else line
    yield text


def _small_print(ordered: Sequence[Entry], shown: Sequence[Entry], console_url: str, now: datetime) -> list[str]:
    lines = [link(f"{console_url}/", "All promises") or ""]
    if len(shown) < len(ordered):
        lines.append(f"and {len(ordered) - len(shown)} more")
    if any(_is_late(entry, now) for entry in ordered):
        lines.append("⏱ This message is late: see when each was due")
    return [line for line in lines if line]


def _is_late(entry: Entry, now: datetime) -> bool:
    event = entry.event
    return isinstance(event, ObligationBreached) and (event.late or now - event.announced_at > LATE_AFTER)


def _person(party: Party) -> str:
    tagged = mention(party.slack) if party.slack else None
    return tagged or escaped(party.name or party.id, NAME_LIMIT)


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}
