"""Lead events as the benchmarks play them: six of a lead, of which both clocks run and are kept, nine times in ten."""

from datetime import UTC, datetime, timedelta

from shared.events import lead as lead_events
from shared.events.envelope import Actor, ActorKind, Channel, Direction, Owner, OwnerKind, TimeSource
from shared.events.identity import identifier
from shared.events.lead import LeadAssigned, LeadCreated, LeadEvent, LeadStageChanged, TouchLogged
from shared.streams.port import Record

EVENTS_A_LEAD = 6
LEADS_AT_ONCE = 2_000
"""Leads whose events come mixed with each other; then the next ones."""
NOW = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)


def lead_story(number: int) -> list[LeadEvent]:
    """A lead as they mostly go: created, qualified, queued, assigned, planned to be called, called."""
    start = NOW + timedelta(milliseconds=20 * number)
    person = Owner(kind=OwnerKind.USER, id="u-max" if number % 2 else "u-eva", name="Max Muster")
    key = f"hubspot:4711:{number}"

    def common(step: int, seconds: float) -> dict[str, object]:
        at = start + timedelta(seconds=seconds)
        return {
            "id": identifier(key, str(step)),
            "source": "hubspot",
            "account": "4711",
            "lead": key,
            "occurred_at": at,
            "received_at": at + timedelta(seconds=1),
            "time_source": TimeSource.EVENT,
            "raw_id": identifier("raw", key, str(step)),
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        }

    def touch(step: int, seconds: float, *, completed: bool) -> LeadEvent:
        fields = common(step, seconds) | {
            "touch": f"call-{number}",
            "channel": Channel.CALL,
            "direction": Direction.OUTBOUND,
            "performed_at": start + timedelta(seconds=seconds),
            "performed_by": Actor(kind=ActorKind.USER, id=person.id),
            "completed": completed,
        }
        return TouchLogged(**fields)  # type: ignore[arg-type] # fields put together by hand

    attributes = {"name": f"Lead {number}", "company": "Example Ltd", "size": 250, "country": "DE"}
    return [
        LeadCreated(**common(0, 0), attributes=attributes),  # type: ignore[arg-type] # same
        LeadStageChanged(**common(1, 1), stage="mql", raw_stage="marketingqualifiedlead"),  # type: ignore[arg-type] # same
        LeadAssigned(**common(2, 2), owner=Owner(kind=OwnerKind.QUEUE, id="q-inbound")),  # type: ignore[arg-type] # same
        LeadAssigned(**common(3, 60), owner=person),  # type: ignore[arg-type] # same
        touch(4, 120, completed=False),
        touch(5, 600 if number % 10 else 4000, completed=True),
    ]


def records(events: int, *, mixed: int = LEADS_AT_ONCE) -> list[Record]:
    """The events of many leads, those of `mixed` leads in turns."""
    made: list[Record] = []
    leads = events // EVENTS_A_LEAD
    for first in range(0, leads, mixed):
        stories = [lead_story(number) for number in range(first, min(first + mixed, leads))]
        for step in range(EVENTS_A_LEAD):
            made += [Record(key=story[step].lead.encode(), value=lead_events.encode(story[step])) for story in stories]
    return made
