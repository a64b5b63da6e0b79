"""The inbox in PostgreSQL: events, planned deliveries and the position, in one transaction fenced by the epoch."""

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg

from notifier.adapters import queries
from notifier.adapters.rows import affected, delivery_from, pace_key
from notifier.application.ports import IntakeTransaction, OwnershipLostError, UndecodableRecord
from notifier.domain.delivery import Delivery, may_have_been_posted
from shared.events.forgetting import FORGOTTEN_REASON, without_person
from shared.events.sla import AnySlaEvent, decode, encode, event_type

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]


class PostgresInbox:
    """Owns partitions by epochs that it took; a transaction under an older epoch fails."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._epochs: dict[tuple[str, int], int] = {}

    async def own(self, topic: str, partitions: Sequence[int]) -> Mapping[int, int]:
        positions: dict[int, int] = {}
        async with self._pool.acquire() as connection, connection.transaction():
            for partition in sorted(partitions):
                row = await connection.fetchrow(queries.OWN_PARTITION, topic, partition)
                assert row is not None, "an upsert returns its row"
                self._epochs[topic, partition] = row["epoch"]
                if row["position"] is not None:
                    positions[partition] = row["position"]
        return positions

    @contextlib.asynccontextmanager
    async def taking(self, topic: str, *, partition: int, position: int) -> AsyncIterator[IntakeTransaction]:
        epoch = self._epochs.get((topic, partition), 0)
        async with self._pool.acquire() as connection, connection.transaction():
            # First, so that the row is locked: the former owner waits here, and then finds the epoch gone.
            moved = await connection.execute(queries.MOVE_POSITION, topic, partition, epoch, position)
            if affected(moved) != 1:
                raise OwnershipLostError(f"partition {partition} of {topic} is owned by another process now")
            yield PostgresIntake(connection)

    @contextlib.asynccontextmanager
    async def aside(self) -> AsyncIterator[IntakeTransaction]:
        async with self._pool.acquire() as connection, connection.transaction():
            yield PostgresIntake(connection)


class PostgresIntake:
    """What one transaction of the inbox can do."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    async def accept(self, events: Sequence[AnySlaEvent], *, now: datetime) -> Sequence[AnySlaEvent]:
        unique = list({event.id: event for event in events}.values())
        if not unique:
            return ()
        rows = await self._connection.fetch(
            queries.ACCEPT_EVENTS,
            [event.id for event in unique],
            [event.obligation for event in unique],
            [event_type(event) for event in unique],
            [encode(event) for event in unique],
            now,
            [event.lead for event in unique],
        )
        new = {row["event_id"] for row in rows}
        return [event for event in unique if event.id in new]

    async def deliveries_of(self, obligations: Sequence[str]) -> Mapping[str, Sequence[Delivery]]:
        found: dict[str, list[Delivery]] = defaultdict(list)
        for row in await self._connection.fetch(queries.DELIVERIES_OF, list(obligations)):
            found[row["obligation"]].append(delivery_from(row))
        return found

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        # In a fixed order: two replicas that add the same destinations at once must not wait for each other.
        await self._connection.executemany(queries.ADD_PACE, [(key,) for key in sorted(set(map(pace_key, deliveries)))])
        await self._connection.executemany(queries.ADD_DELIVERY, [_columns(delivery) for delivery in deliveries])

    async def put_aside(self, letters: Sequence[UndecodableRecord], *, now: datetime) -> None:
        await self._connection.executemany(
            queries.PUT_ASIDE,
            [
                (letter.topic, letter.partition, letter.offset, letter.key, letter.value, letter.reason, now)
                for letter in letters
            ],
        )

    async def forgotten(self, leads: Sequence[str]) -> frozenset[str]:
        rows = await self._connection.fetch(queries.FORGOTTEN_AMONG, list(leads)) if leads else ()
        return frozenset(row["lead"] for row in rows)

    async def forget(self, lead: str, *, before: int | None, now: datetime) -> Sequence[Delivery]:
        await self._connection.execute(queries.FORGET_LEAD, lead, now, before)
        events = await self._connection.fetch(queries.EVENTS_OF_LEAD, lead)
        bare = [(row["event_id"], encode(without_person(decode(row["payload"])))) for row in events]
        await self._connection.executemany(queries.REWRITE_EVENT, bare)
        await self._connection.execute(queries.DROP_WAITING, lead, FORGOTTEN_REASON)
        await self._connection.execute(queries.CLEAR_RESPONSES, lead)
        await self._connection.execute(queries.CLEAR_LETTERS, lead.encode(), FORGOTTEN_REASON, now)
        rows = await self._connection.fetch(queries.DELIVERIES_OF_LEAD, lead)
        return [post for row in rows if may_have_been_posted(post := delivery_from(row))]


class PostgresErasures:
    """The port `Erasures`."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool

    async def to_erase(self, *, limit: int) -> Sequence[tuple[str, int]]:
        rows = await self._pool.fetch(queries.TO_ERASE, limit)
        return [(row["lead"], row["before_offset"]) for row in rows]

    async def erased(self, lead: str, *, now: datetime) -> None:
        await self._pool.execute(queries.ERASED, lead, now)


def _columns(delivery: Delivery) -> tuple[object, ...]:
    return (
        delivery.id,
        delivery.obligation,
        delivery.lead,
        delivery.event_id,
        delivery.channel,
        delivery.destination,
        delivery.step,
        delivery.operation,
        delivery.thread,
        delivery.announced_at,
        delivery.state,
        delivery.due_at,
    )
