"""Deliveries in PostgreSQL: claimed with SKIP LOCKED in short transactions, written back fenced."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg

from notifier.adapters import queries
from notifier.adapters.rows import affected, delivery_from, pace_key, saved_values
from notifier.domain.channels import ChannelKind, Operation, Step
from notifier.domain.delivery import Delivery, State, claimed
from notifier.domain.review import Entry, LeftOut, Work
from shared.events.sla import AnySlaEvent, decode

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]


MOST_ROLLED_UP = 500
"""In one message. What waits beyond that is rolled up in the next."""


class PostgresDeliveries:
    """The port `Deliveries`."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool

    async def claim(
        self, *, now: datetime, lease_seconds: float, paces: Mapping[ChannelKind, float], roll_up_over: int
    ) -> Work | None:
        async with self._pool.acquire() as connection, connection.transaction():
            candidates = [row["id"] for row in await connection.fetch(queries.CANDIDATES, now, list(paces))]
            row = await connection.fetchrow(queries.LOCK_CANDIDATE, now, candidates) if candidates else None
            if row is None:
                return None
            found = delivery_from(row)
            free_again = now + timedelta(seconds=paces[found.channel])
            if affected(await connection.execute(queries.TAKE_PACE, pace_key(found), free_again, now)) != 1:
                return None
            delivery = claimed(found, now=now, lease_seconds=lease_seconds)
            if not await _save(connection, delivery, lease=found.lease, was=found.state):
                return None
            await _gather(connection, delivery, now=now, roll_up_over=roll_up_over)
            return await _work(connection, delivery)

    async def part(self, *, left_out: Sequence[LeftOut], set_free: Sequence[Entry], now: datetime) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            for entry in [*(each.entry for each in left_out), *set_free]:
                delivery = entry.delivery
                await connection.execute(queries.PART_CHANGES, delivery.id, delivery.thread, delivery.obligation)
            for each in left_out:
                await connection.execute(queries.LEAVE_OUT, each.entry.delivery.id, each.reason)
            await connection.execute(queries.SET_FREE, [entry.delivery.id for entry in set_free], now)

    async def save(self, delivery: Delivery, *, was: State) -> bool:
        async with self._pool.acquire() as connection:
            return await _save(connection, delivery, lease=delivery.lease, was=was)

    async def free_at(self, delivery: Delivery, at: datetime) -> None:
        await self._pool.execute(queries.FREE_PACE, pace_key(delivery), at)

    async def hold(self, channel: ChannelKind, operation: Operation, *, until: datetime) -> None:
        await self._pool.execute(queries.HOLD, f"{channel}::{operation}", until)

    async def expired(self, *, now: datetime, limit: int) -> Sequence[Delivery]:
        return [delivery_from(row) for row in await self._pool.fetch(queries.EXPIRED, now, limit)]

    async def to_look_up(self, *, now: datetime, limit: int) -> Sequence[Delivery]:
        return [delivery_from(row) for row in await self._pool.fetch(queries.TO_LOOK_UP, now, limit)]


async def _gather(connection: "Connection", delivery: Delivery, *, now: datetime, roll_up_over: int) -> None:
    """Roll up in this broken promise the others that wait for its destination, where there are too many of them."""
    if delivery.operation is not Operation.POST or delivery.step is not Step.BREACH:
        return
    rows = await connection.fetch(queries.WAITING_BESIDE, pace_key(delivery), now, delivery.id, MOST_ROLLED_UP)
    if len(rows) + 1 > roll_up_over:
        ids = [row["id"] for row in rows]
        await connection.execute(queries.ROLL_UP, delivery.id, ids)
        await connection.execute(queries.ROLL_UP_CHANGES, delivery.id, ids)


async def _entries(connection: "Connection", post: str) -> Sequence[Entry]:
    """What a post lists; nothing, where it tells of one promise only."""
    rows = await connection.fetch(queries.ENTRIES, post)
    if len(rows) < 2:
        return ()
    told: dict[str, list[AnySlaEvent]] = defaultdict(list)
    for row in await connection.fetch(queries.EVENTS_OF, [row["obligation"] for row in rows]):
        told[row["obligation"]].append(decode(row["payload"]))
    return [_entry(delivery_from(row), told[row["obligation"]]) for row in rows]


def _entry(delivery: Delivery, told: Sequence[AnySlaEvent]) -> Entry:
    place = next(number for number, event in enumerate(told) if event.id == delivery.event_id)
    return Entry(delivery=delivery, event=told[place], later=told[place + 1 :])


async def _work(connection: "Connection", delivery: Delivery) -> Work:
    rows = await connection.fetch(queries.WORK_EVENTS, delivery.obligation, delivery.event_id)
    events = [decode(row["payload"]) for row in rows]
    if delivery.operation is Operation.POST:
        entries = await _entries(connection, delivery.id)
        return Work(delivery=delivery, event=events[0], later=events[1:], entries=entries)
    post = await connection.fetchrow(queries.WORK_POST, delivery.thread)
    entries = await _entries(connection, delivery.thread)
    own = next((each.event for each in entries if each.delivery.obligation == delivery.obligation), None)
    return Work(
        delivery=delivery,
        event=events[0],
        later=events[1:],
        post=None if post is None else delivery_from(post),
        about=None if post is None else own or decode(post["payload"]),
        entries=entries,
    )


async def _save(connection: "Connection", delivery: Delivery, *, lease: int, was: State) -> bool:
    status = await connection.execute(queries.SAVE_DELIVERY, *saved_values(delivery, lease=lease, was=was))
    return affected(status) == 1
