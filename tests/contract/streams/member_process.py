"""A member in a process of its own, for tests to kill or freeze. Prints what it is told, a JSON object a line."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence

from shared.streams.connect import open_stream
from shared.streams.port import StreamUnavailable


class Printer:
    """An ownership listener that says what it hears."""

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Say it."""
        _say(assigned=list(partitions))
        return {}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Say it."""
        _say(revoked=list(partitions))


async def main(url: str, database_url: str, topic: str, group: str) -> None:
    """Fetch until killed."""
    async with (
        open_stream(url, database_url=database_url or None, client_id="member") as stream,
        stream.subscribe(topic, group=group, listener=Printer()) as subscription,
    ):
        while True:
            try:
                for fetch in await subscription.fetch(max_records=100, timeout_seconds=0.2):
                    if fetch.records:
                        _say(partition=fetch.partition, values=[r.value.decode() for r in fetch.records])
            except StreamUnavailable:
                await asyncio.sleep(0.2)


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
