"""Old records go, in small batches, by one process at a time."""

import asyncio
from datetime import datetime, timedelta

from shared.logs import get_logger
from shared.streams.port import StreamUnavailable
from shared.streams.postgres import statements
from shared.streams.postgres.database import Database
from shared.streams.postgres.schema import Connection

logger = get_logger(__name__)

SWEEP_RECORDS = 1_000
"""One transaction deletes at most so many, so that it never holds up the readers."""


async def sweep_forever(database: Database) -> None:
    """Sweep now and then until cancelled; a database that is away is tried again the next time."""
    options = database.options
    while True:
        await asyncio.sleep(options.sweep_every_seconds)
        horizon = options.clock() - timedelta(seconds=options.retention_seconds)
        try:
            await sweep(database, older_than=horizon)
        except StreamUnavailable as error:
            logger.warning("stream_sweep_failed", error=str(error))


async def sweep(database: Database, *, older_than: datetime) -> int:
    """Delete the records at the head of each partition that were appended before. Returns how many.

    Does nothing while another process sweeps. Raises `StreamUnavailable`.
    """
    async with database.connection("deleting old records") as connection:
        if not await connection.fetchval(statements.TRY_SWEEP):
            return 0
        try:
            deleted = 0
            for row in await connection.fetch(statements.ALL_PARTITIONS):
                deleted += await _sweep_partition(connection, row["topic_id"], row["partition"], older_than)
        finally:
            await connection.execute(statements.END_SWEEP)
    if deleted:
        logger.info("stream_swept", deleted=deleted, older_than=older_than.isoformat())
    return deleted


async def _sweep_partition(connection: Connection, topic_id: int, partition: int, older_than: datetime) -> int:
    total = 0
    while True:
        status = await connection.execute(statements.SWEEP, topic_id, partition, older_than, SWEEP_RECORDS)
        deleted = int(status.rpartition(" ")[2])
        total += deleted
        if deleted < SWEEP_RECORDS:
            return total
