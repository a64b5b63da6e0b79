"""Take in SLA events: decode, drop what was seen before, plan, store. One transaction a fetch."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from notifier.application.ports import Inbox, IntakeTransaction, UndecodableRecord
from notifier.domain.delivery import Delivery
from notifier.domain.planning import Routing, plan
from shared.events.sla import AnySlaEvent, decode
from shared.events.topics import SLA_EVENTS
from shared.streams.port import Fetch, StoredRecord

MAX_KEY_BYTES = 500
"""Longest key of a lead, and the like, that is taken: an index entry of PostgreSQL ends at some 2,700 bytes."""


class UnusableEventError(Exception):
    """An SLA event that can't be kept: it would stop the consumer at this record for good."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What one fetch came to."""

    events: Sequence[AnySlaEvent] = ()
    planned: int = 0
    undecodable: Sequence[UndecodableRecord] = ()


class Intake:
    """The use case of the consumer."""

    def __init__(self, *, inbox: Inbox, routing: Routing, now: Callable[[], datetime]) -> None:
        self._inbox = inbox
        self._routing = routing
        self._now = now

    async def take(self, fetch: Fetch) -> Taken:
        """Store what a fetch brought, with its position. Raises `OwnershipLostError`."""
        events, letters = _decoded(fetch)
        async with self._inbox.taking(SLA_EVENTS, partition=fetch.partition, position=fetch.position) as transaction:
            await transaction.put_aside(letters, now=self._now())
            new, planned = await self._store(transaction, events)
        return Taken(events=new, planned=planned, undecodable=letters)

    async def take_aside(self, value: bytes) -> Taken:
        """Take in one event outside of the stream's order, such as one that could not be read before.

        Raises as `readable` does.
        """
        event = readable(value)
        async with self._inbox.aside() as transaction:
            new, planned = await self._store(transaction, [event])
        return Taken(events=new, planned=planned)

    async def _store(
        self, transaction: IntakeTransaction, events: Sequence[AnySlaEvent]
    ) -> tuple[Sequence[AnySlaEvent], int]:
        now = self._now()
        new = await transaction.accept(events, now=now)
        if not new:
            return new, 0
        known = await transaction.deliveries_of(sorted({event.obligation for event in new}))
        deliveries = _planned(new, known=dict(known), routing=self._routing, now=now)
        await transaction.add(deliveries)
        return new, len(deliveries)


def _planned(
    events: Sequence[AnySlaEvent], *, known: dict[str, Sequence[Delivery]], routing: Routing, now: datetime
) -> list[Delivery]:
    planned: list[Delivery] = []
    for event in events:
        prior = known.get(event.obligation, ())
        more = plan(event, routing=routing, prior=prior, now=now)
        known[event.obligation] = (*prior, *more)
        planned.extend(more)
    return planned


def _decoded(fetch: Fetch) -> tuple[list[AnySlaEvent], list[UndecodableRecord]]:
    events: list[AnySlaEvent] = []
    letters: list[UndecodableRecord] = []
    for record in fetch.records:
        try:
            events.append(readable(record.value))
        except (msgspec.MsgspecError, UnicodeDecodeError, UnusableEventError) as error:
            letters.append(_undecodable(fetch.partition, record, error))
    return events, letters


def readable(value: bytes) -> AnySlaEvent:
    """An SLA event whose keys can be stored. Raises `UnusableEventError`, or what `decode` raises."""
    event = decode(value)
    channel = event.escalation.channel if event.escalation is not None else None
    keys = {
        "id": event.id,
        "obligation": event.obligation,
        "lead": event.lead,
        "holder.slack": event.holder.slack or "",
        "escalation.channel": channel or "",
    }
    for name, key in keys.items():
        if "\x00" in key:
            raise UnusableEventError(f"`{name}` holds a NUL character, which no text in PostgreSQL may")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise UnusableEventError(f"`{name}` is longer than {MAX_KEY_BYTES} bytes")
    return event


def _undecodable(partition: int, record: StoredRecord, error: Exception) -> UndecodableRecord:
    return UndecodableRecord(
        topic=SLA_EVENTS,
        partition=partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        reason=str(error),
    )
