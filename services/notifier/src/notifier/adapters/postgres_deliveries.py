"""Deliveries in PostgreSQL: claimed with SKIP LOCKED in short transactions, written back fenced."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg

from notifier.adapters import queries
from notifier.adapters.rows import affected, delivery_from, pace_key, saved_values
from notifier.domain.channels import ChannelKind, Operation
from notifier.domain.delivery import Delivery, State, claimed
from notifier.domain.review import Work
from shared.events.sla import decode

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]


class PostgresDeliveries:
    """The port `Deliveries`."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool

    async def claim(self, *, now: datetime, lease_seconds: float, paces: Mapping[ChannelKind, float]) -> Work | None:
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
            return await _work(connection, delivery)

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


async def _work(connection: "Connection", delivery: Delivery) -> Work:
    rows = await connection.fetch(queries.WORK_EVENTS, delivery.obligation, delivery.event_id)
    events = [decode(row["payload"]) for row in rows]
    if delivery.operation is Operation.POST:
        return Work(delivery=delivery, event=events[0], later=events[1:])
    post = await connection.fetchrow(queries.WORK_POST, delivery.thread)
    return Work(
        delivery=delivery,
        event=events[0],
        later=events[1:],
        post=None if post is None else delivery_from(post),
        about=None if post is None else decode(post["payload"]),
    )


async def _save(connection: "Connection", delivery: Delivery, *, lease: int, was: State) -> bool:
    status = await connection.execute(queries.SAVE_DELIVERY, *saved_values(delivery, lease=lease, was=was))
    return affected(status) == 1
