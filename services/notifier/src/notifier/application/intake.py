"""Take in SLA events: decode, drop what was seen before, plan, store. One transaction a fetch.

A lead that is forgotten loses what is personal in the same transaction, and whatever is told of it later comes in bare.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from notifier.application.ports import Inbox, IntakeTransaction, UndecodableRecord
from notifier.domain.delivery import Delivery
from notifier.domain.planning import Routing, forgetting, plan
from shared.events.forgetting import without_person
from shared.events.sla import AnySlaEvent, LeadForgotten, Saying, decode_any
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
    forgotten: Sequence[LeadForgotten] = ()


class Intake:
    """The use case of the consumer."""

    def __init__(self, *, inbox: Inbox, routing: Routing, now: Callable[[], datetime]) -> None:
        self._inbox = inbox
        self._routing = routing
        self._now = now

    async def take(self, fetch: Fetch) -> Taken:
        """Store what a fetch brought, with its position. Raises `OwnershipLostError`."""
        said, letters = _decoded(fetch)
        forgotten = {event.lead: (event, offset) for offset, event in said if isinstance(event, LeadForgotten)}
        events = [event for _, event in said if not isinstance(event, LeadForgotten)]
        async with self._inbox.taking(SLA_EVENTS, partition=fetch.partition, position=fetch.position) as transaction:
            await transaction.put_aside(letters, now=self._now())
            new, planned = await self._store(transaction, events)
            for lead, (_, offset) in forgotten.items():
                planned += await self._forget(transaction, lead, before=offset)
            await self._forget_again(transaction, letters)
        return Taken(
            events=new,
            planned=planned,
            undecodable=letters,
            forgotten=[event for event, _ in forgotten.values()],
        )

    async def take_aside(self, value: bytes) -> Taken:
        """Take in one event outside of the stream's order, such as one that could not be read before.

        Raises as `readable` does.
        """
        event = readable(value)
        async with self._inbox.aside() as transaction:
            if isinstance(event, LeadForgotten):
                return Taken(planned=await self._forget(transaction, event.lead, before=None), forgotten=[event])
            new, planned = await self._store(transaction, [event])
        return Taken(events=new, planned=planned)

    async def _store(
        self, transaction: IntakeTransaction, events: Sequence[AnySlaEvent]
    ) -> tuple[Sequence[AnySlaEvent], int]:
        now = self._now()
        bare = await transaction.forgotten(sorted({event.lead for event in events}))
        if bare:
            events = [without_person(event) if event.lead in bare else event for event in events]
        new = await transaction.accept(events, now=now)
        if not new:
            return new, 0
        told = [event for event in new if event.lead not in bare]
        known = await transaction.deliveries_of(sorted({event.obligation for event in told}))
        deliveries = _planned(told, known=dict(known), routing=self._routing, now=now)
        await transaction.add(deliveries)
        return new, len(deliveries)

    async def _forget(self, transaction: IntakeTransaction, lead: str, *, before: int | None) -> int:
        """How many messages are to be edited."""
        now = self._now()
        posts = await transaction.forget(lead, before=before, now=now)
        edits = forgetting(posts, now=now)
        await transaction.add(edits)
        return len(edits)

    async def _forget_again(self, transaction: IntakeTransaction, letters: Sequence[UndecodableRecord]) -> None:
        """What can't be read is put aside whole: not of a lead that is forgotten."""
        keys = sorted({letter.key.decode(errors="replace").replace("\0", "") for letter in letters})
        for lead in await transaction.forgotten(keys):
            await transaction.forget(lead, before=None, now=self._now())


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


def _decoded(fetch: Fetch) -> tuple[list[tuple[int, Saying]], list[UndecodableRecord]]:
    """What was said, with its offset, and what can't be read."""
    events: list[tuple[int, Saying]] = []
    letters: list[UndecodableRecord] = []
    for record in fetch.records:
        try:
            events.append((record.offset, readable(record.value)))
        except (msgspec.MsgspecError, UnicodeDecodeError, UnusableEventError) as error:
            letters.append(_undecodable(fetch.partition, record, error))
    return events, letters


def readable(value: bytes) -> Saying:
    """An SLA event whose keys can be stored. Raises `UnusableEventError`, or what `decode_any` raises."""
    event = decode_any(value)
    for name, key in _keys(event).items():
        if "\x00" in key:
            raise UnusableEventError(f"`{name}` holds a NUL character, which no text in PostgreSQL may")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise UnusableEventError(f"`{name}` is longer than {MAX_KEY_BYTES} bytes")
    return event


def _keys(event: Saying) -> dict[str, str]:
    if isinstance(event, LeadForgotten):
        return {"id": event.id, "lead": event.lead}
    channel = event.escalation.channel if event.escalation is not None else None
    return {
        "id": event.id,
        "obligation": event.obligation,
        "lead": event.lead,
        "holder.slack": event.holder.slack or "",
        "escalation.channel": channel or "",
    }


def _undecodable(partition: int, record: StoredRecord, error: Exception) -> UndecodableRecord:
    return UndecodableRecord(
        topic=SLA_EVENTS,
        partition=partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        reason=str(error),
    )
