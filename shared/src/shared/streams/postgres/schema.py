"""The log's own storage, created by the adapter itself: it belongs to no service, as a broker's files would not."""

from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
"""Subscripted only for the type checker."""

VERSION = 1
_LOCK = 0x6C65_6164_7374_726D  # "leadstrm": several processes may open the log at once

_TABLES = """
CREATE SCHEMA IF NOT EXISTS stream;

CREATE TABLE stream.schema_version (version int NOT NULL);

CREATE TABLE stream.topics (
    topic_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    partitions int NOT NULL CHECK (partitions > 0)
);

-- One row a partition. It is locked by every append until its commit: so offsets are gapless and in commit order, and
-- a reader can never see an offset before all smaller ones.
CREATE TABLE stream.partitions (
    topic_id int NOT NULL REFERENCES stream.topics ON DELETE CASCADE,
    partition int NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic_id, partition)
) WITH (fillfactor = 50);

CREATE TABLE stream.records (
    topic_id int NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    headers bytea,
    appended_at timestamptz NOT NULL,
    PRIMARY KEY (topic_id, partition, "offset")
);

-- A member lives while its session holds the advisory lock `member_id` and its heartbeat is young.
CREATE TABLE stream.members (
    member_id bigint PRIMARY KEY,
    topic_id int NOT NULL REFERENCES stream.topics ON DELETE CASCADE,
    consumer_group text NOT NULL,
    client_id text NOT NULL,
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE stream.claims (
    topic_id int NOT NULL,
    consumer_group text NOT NULL,
    partition int NOT NULL,
    member_id bigint NOT NULL REFERENCES stream.members ON DELETE CASCADE,
    PRIMARY KEY (topic_id, consumer_group, partition)
);

-- Appends a batch to one topic in one round trip. `rank` counts from 0 within each partition of the batch.
CREATE FUNCTION stream.append(
    topic int, parts int[], ranks int[], keys bytea[], vals bytea[], heads bytea[], times timestamptz[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- In one order, so that two appenders can't wait for each other.
    PERFORM 1 FROM stream.partitions p
        WHERE p.topic_id = topic AND p.partition = ANY (parts) ORDER BY p.partition FOR UPDATE;
    WITH counted AS (
        SELECT part, count(*) AS n FROM unnest(parts) AS part GROUP BY part
    ), moved AS (
        UPDATE stream.partitions p SET next_offset = p.next_offset + c.n
        FROM counted c WHERE p.topic_id = topic AND p.partition = c.part
        RETURNING p.partition, p.next_offset - c.n AS first
    )
    INSERT INTO stream.records (topic_id, partition, "offset", key, value, headers, appended_at)
    SELECT topic, m.partition, m.first + i.rank, i.key, i.value, i.headers, i.appended_at
    FROM unnest(parts, ranks, keys, vals, heads, times) AS i(partition, rank, key, value, headers, appended_at)
    JOIN moved m ON m.partition = i.partition;
    PERFORM pg_notify('stream_records', topic::text);
END $$;

INSERT INTO stream.schema_version VALUES (1);
"""

# Not to_regclass: after waiting for the lock it may still answer from a cache that knows nothing of the other process.
_IS_THERE = """
SELECT EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'stream' AND c.relname = 'schema_version'
)
"""


async def prepare(connection: Connection) -> None:
    """Create the log's tables unless they are there. Safe when several processes do it at once."""
    if await _version(connection) == VERSION:
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        found = await _version(connection)
        if found is None:
            await connection.execute(_TABLES)
        elif found != VERSION:
            raise RuntimeError(
                f"the stream's tables have version {found}, this program knows {VERSION}: run the newest program"
            )


async def _version(connection: Connection) -> int | None:
    if not await connection.fetchval(_IS_THERE):
        return None
    version = await connection.fetchval("SELECT version FROM stream.schema_version")
    return None if version is None else int(version)
