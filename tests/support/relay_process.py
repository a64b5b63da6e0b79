"""A process that relays an outbox to the stream in the same database until it dies: `... URL SCHEMA BATCHES WHERE`.

It kills itself with -9 at the append of its BATCHES-th batch: `before` it, or `after` it, when the batch is in the
stream and still in the outbox. So where it dies does not hang on how fast the machine is.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import cast

from shared.database import open_pool
from shared.outbox import Outbox, Relay
from shared.streams.connect import open_stream
from shared.streams.port import Record, Stream

BATCH_RECORDS = 20


class Fatal:
    """A stream whose `batches`-th append is the end of its process."""

    def __init__(self, stream: Stream, *, batches: int, where: str) -> None:
        self._stream = stream
        self._left = batches
        self._where = where

    async def append(self, topic: str, records: Sequence[Record]) -> None:
        """As the port says, but for the last one."""
        self._left -= 1
        if not self._left and self._where == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await self._stream.append(topic, records)
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    """Relay in small batches until the last."""
    url, schema, batches, where = sys.argv[1:]
    async with (
        open_pool(url, application_name="relay-test") as pool,
        open_stream(None, database_url=url, client_id="relay-test") as stream,
    ):
        fatal = cast("Stream", Fatal(stream, batches=int(batches), where=where))
        relay = Relay(Outbox(schema), pool=pool, stream=fatal, url=url, batch_records=BATCH_RECORDS, poll_seconds=0.05)
        await relay.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
