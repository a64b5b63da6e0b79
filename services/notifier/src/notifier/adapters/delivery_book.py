"""Reading the stored deliveries, and letting an operator try dead ones again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from notifier.adapters import queries
from notifier.adapters.rows import delivery_from, saved_values
from notifier.domain.channels import ChannelKind, Operation
from notifier.domain.delivery import Delivery, State, redriven

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the stream that could not be read."""

    id: int
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    reason: str
    received_at: datetime


class DeliveryBook:
    """What people and monitors ask about deliveries."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool

    async def find(
        self,
        *,
        states: Sequence[State] | None,
        lead: str | None,
        obligation: str | None,
        channel: ChannelKind | None,
        before: int | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """Deliveries by filters, newest first; `before` is the `sequence` below which the page begins."""
        wanted = None if states is None else list(states)
        rows = await self._pool.fetch(queries.LIST_DELIVERIES, wanted, lead, obligation, channel, before, limit)
        return [delivery_from(row) for row in rows]

    async def get(self, delivery_id: str) -> Delivery | None:
        """One delivery."""
        row = await self._pool.fetchrow(queries.DELIVERY_BY_ID, delivery_id)
        return None if row is None else delivery_from(row)

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """(channel, state) → how many."""
        rows = await self._pool.fetch(queries.COUNT_BY_STATE)
        return {(row["channel"], row["state"]): row["deliveries"] for row in rows}

    async def letters(self, *, limit: int) -> Sequence[Letter]:
        """Records that could not be read, oldest first."""
        rows = await self._pool.fetch(queries.LIST_LETTERS, limit)
        return [msgspec.convert(dict(row), Letter) for row in rows]

    async def letter_redriven(self, letter: Letter, *, now: datetime) -> None:
        """The record could be taken in after all."""
        await self._pool.execute(queries.LETTER_REDRIVEN, letter.id, now)

    async def to_redrive(self, *, ambiguous: bool) -> Sequence[str]:
        """Ids of all dead deliveries; with `ambiguous` also of those of which nobody will find out any more."""
        return [row["id"] for row in await self._pool.fetch(queries.TO_REDRIVE, ambiguous)]

    async def redrive(self, delivery_id: str, *, now: datetime) -> Delivery | None:
        """Let a delivery be tried again from the start, and with a message what was to be said about it.

        None: there is no such delivery. Raises `TransitionError` where its state does not allow it. Whether it is
        still true is looked at when its turn comes, as always.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(queries.LOCK_DELIVERY, delivery_id)
            if row is None:
                return None
            before = delivery_from(row)
            after = redriven(before, now=now)
            await connection.execute(queries.SAVE_DELIVERY, *saved_values(after, lease=before.lease, was=before.state))
            if after.operation is Operation.POST:
                await connection.execute(queries.REVIVE_THREAD, after.id, now)
            return after

    async def forget(self, *, before: datetime) -> None:
        """Forget events taken in before then of obligations about which nothing was ever to be said."""
        await self._pool.execute(queries.PRUNE_INBOX, before)

    async def ready(self) -> None:
        """Raise unless the database answers."""
        await self._pool.fetchval("SELECT 1")
