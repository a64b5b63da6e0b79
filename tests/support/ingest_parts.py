"""Parts of ingest for tests: a stream that can be away, and records to put somewhere."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from shared.streams.port import OwnershipListener, Record, StreamUnavailable, Subscription
from shared.streams.sizes import MAX_RECORD_BYTES, check_sizes


class AppendOnlyStream:
    """The appending half of the Stream port, in memory. While `away` it refuses; while `hanging` it never answers."""

    def __init__(self) -> None:
        self.records: dict[str, list[Record]] = {}
        self.calls = 0
        self.away = False
        self.hanging = False

    async def append(self, topic: str, records: Sequence[Record]) -> None:
        self.calls += 1
        check_sizes(topic, records, max_record_bytes=MAX_RECORD_BYTES)
        if self.hanging:
            await asyncio.Event().wait()
        if self.away:
            raise StreamUnavailable("the stream is away, as the test says")
        self.records.setdefault(topic, []).extend(records)

    def of(self, topic: str) -> list[Record]:
        return self.records.get(topic, [])

    async def ensure_topic(self, topic: str, *, partitions: int) -> None:
        raise NotImplementedError

    async def partitions(self, topic: str) -> int:
        raise NotImplementedError

    def subscribe(
        self, topic: str, *, group: str, listener: OwnershipListener
    ) -> AbstractAsyncContextManager[Subscription]:
        raise NotImplementedError

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        raise NotImplementedError

    async def ready(self) -> None:
        if self.away:
            raise StreamUnavailable("the stream is away, as the test says")


def record(number: int, *, size: int = 10) -> Record:
    """Record number `number`, with a value of about `size` bytes."""
    return Record(key=b"source", value=f"{number}:".encode().ljust(size, b"."))


def number_of(stored: Record) -> int:
    """The number it was made with."""
    return int(stored.value.partition(b":")[0])
