"""The outbox's statements, and the calls that run them on a connection of the caller's."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeAlias

import asyncpg
import msgspec

from shared.streams.port import Record

TABLE = "outbox"
Headers = tuple[tuple[str, bytes], ...]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Headers).decode

# One batch in one statement. The rows get their ids in the order of the arrays.
ADD = """
INSERT INTO {table} (partition, topic, key, value, headers)
SELECT $1, $2, given.key, given.value, given.headers
FROM unnest($3::bytea[], $4::bytea[], $5::bytea[]) WITH ORDINALITY AS given (key, value, headers, ordinal)
ORDER BY given.ordinal
"""

# The partitions with something to publish, found by one index probe each however long the queue is.
WAITING = """
WITH RECURSIVE waiting AS (
    (SELECT partition FROM {table} WHERE refused IS NULL ORDER BY partition LIMIT 1)
    UNION ALL
    SELECT (SELECT partition FROM {table} WHERE partition > waiting.partition AND refused IS NULL
            ORDER BY partition LIMIT 1)
    FROM waiting WHERE waiting.partition IS NOT NULL
)
SELECT partition FROM waiting WHERE partition IS NOT NULL
"""

# Of the session: no transaction stays open while the stream is being written to.
LOCK = """
SELECT partition FROM unnest($2::int[]) AS partition WHERE pg_try_advisory_lock(hashtext($1), partition)
"""
UNLOCK = """
SELECT pg_advisory_unlock(hashtext($1), partition) FROM unnest($2::int[]) AS partition
"""

# The oldest of each partition. Not of the partitions together: a long queue must not starve the others.
READ = """
SELECT oldest.partition, oldest.id, oldest.topic, oldest.key, oldest.value, oldest.headers
FROM unnest($1::int[]) AS mine (partition)
CROSS JOIN LATERAL (
    SELECT * FROM {table} WHERE partition = mine.partition AND refused IS NULL ORDER BY id LIMIT $2
) AS oldest
ORDER BY oldest.partition, oldest.id
"""

# Exactly the rows that were published: one with a lower id may have become visible since.
DELETE = """
DELETE FROM {table} USING unnest($1::int[], $2::bigint[]) AS published (partition, id)
WHERE {table}.partition = published.partition AND {table}.id = published.id
"""

REFUSE = "UPDATE {table} SET refused = $3 WHERE partition = $1 AND id = $2"
PENDING = "SELECT count(*) FROM {table} WHERE refused IS NULL"
REFUSED = "SELECT count(*) FROM {table} WHERE refused IS NOT NULL"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
"""A connection, or one lent by a pool."""


class Pending(NamedTuple):
    """A stored record that waits to be published."""

    partition: int
    id: int
    topic: str
    record: Record


class Outbox:
    """The outbox in a service's schema; its table is made by `create_outbox` in one of the service's revisions."""

    def __init__(self, schema: str) -> None:
        self._table = f'"{schema}"."{TABLE}"'
        self._lock_class = f"leadpact.outbox.{schema}"

    async def add(self, connection: Connection, *, partition: int, topic: str, records: Sequence[Record]) -> None:
        """Store records in the caller's transaction, to be published to `topic` in this order.

        `partition` is whatever the caller's transactions are serialised by (the input partition whose row it holds
        locked): of each partition one transaction may add at a time, else the order between them is not known.
        """
        if records:
            await connection.execute(
                self._sql(ADD),
                partition,
                topic,
                [record.key for record in records],
                [record.value for record in records],
                [_encode(record.headers) for record in records],
            )

    async def pending(self, connection: Connection) -> int:
        """How many records wait to be published: for the gauge."""
        return int(await connection.fetchval(self._sql(PENDING)))

    async def refused(self, connection: Connection) -> int:
        """How many records the stream will never take."""
        return int(await connection.fetchval(self._sql(REFUSED)))

    async def waiting_partitions(self, connection: Connection) -> list[int]:
        """The partitions that have something to publish."""
        return [row["partition"] for row in await connection.fetch(self._sql(WAITING))]

    async def lock(self, connection: Connection, partitions: Collection[int]) -> list[int]:
        """Those of `partitions` that nobody else relays; they are this session's until `unlock`, or until it ends."""
        rows = await connection.fetch(LOCK, self._lock_class, sorted(partitions))
        return [row["partition"] for row in rows]

    async def unlock(self, connection: Connection, partitions: Collection[int]) -> None:
        """Let others relay these partitions."""
        await connection.execute(UNLOCK, self._lock_class, list(partitions))

    async def read(self, connection: Connection, partitions: Collection[int], *, limit: int) -> list[Pending]:
        """The oldest records of each of these partitions, `limit` of each at most, in order."""
        rows = await connection.fetch(self._sql(READ), list(partitions), limit)
        return [
            Pending(partition, number, topic, Record(key=key, value=value, headers=_decode(headers)))
            for partition, number, topic, key, value, headers in rows
        ]

    async def delete(self, connection: Connection, published: Sequence[Pending]) -> None:
        """Forget what the stream has acknowledged."""
        await connection.execute(
            self._sql(DELETE), [pending.partition for pending in published], [pending.id for pending in published]
        )

    async def refuse(self, connection: Connection, pending: Pending, reason: str) -> None:
        """Pass this record over from now on; it stays stored with the reason."""
        await connection.execute(self._sql(REFUSE), pending.partition, pending.id, reason)

    def _sql(self, statement: str) -> str:
        return statement.format(table=self._table)
