"""A process that relays an outbox to the stream in the same database until it is killed: `... URL SCHEMA`."""

import asyncio
import sys

from shared.database import open_pool
from shared.outbox import Outbox, Relay
from shared.streams.connect import open_stream


async def main() -> None:
    """Relay in small batches, so that a kill finds one under way."""
    url, schema = sys.argv[1:]
    async with (
        open_pool(url, application_name="relay-test") as pool,
        open_stream(None, database_url=url, client_id="relay-test") as stream,
    ):
        relay = Relay(Outbox(schema), pool=pool, stream=stream, url=url, batch_records=20, poll_seconds=0.05)
        await relay.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
