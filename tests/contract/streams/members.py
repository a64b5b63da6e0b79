"""Members of a group as the services are: each stores its offsets with its results, and notes what it was told."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Self

from shared.streams.port import Fetch, Stream, StreamUnavailable, Subscription

FETCH_SECONDS = 0.2


class Store:
    """What a group keeps in its database: where to go on, what was received, and who owns what now."""

    def __init__(self) -> None:
        self.offsets: dict[int, int] = {}
        self.received: list[tuple[int, int, bytes, bytes]] = []
        """(partition, offset, key, value)"""
        self.owner: dict[int, str] = {}

    @property
    def values(self) -> list[bytes]:
        """The values in the order in which they were received."""
        return [value for _, _, _, value in self.received]


class Member:
    """One member. Breaks the test when a partition is given to it while another member of the store has it, or when a
    record of a partition comes that it does not own.
    """

    def __init__(self, stream: Stream, topic: str, *, store: Store, name: str = "a", group: str = "group") -> None:
        self.name = name
        self.store = store
        self.told: list[tuple[str, list[int]]] = []
        self.owned: set[int] = set()
        self.read_through: dict[int, datetime | None] = {}
        self.unavailable = 0
        self.subscription: Subscription | None = None
        self._subscribing = stream.subscribe(topic, group=f"{topic}.{group}", listener=self)

    async def __aenter__(self) -> Self:
        self.subscription = await self._subscribing.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._subscribing.__aexit__(None, None, None)

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Note and check."""
        self.told.append(("assigned", list(partitions)))
        for partition in partitions:
            assert partition not in self.store.owner, f"{partition} still belongs to {self.store.owner[partition]}"
            self.store.owner[partition] = self.name
        self.owned.update(partitions)
        return {p: self.store.offsets[p] for p in partitions if p in self.store.offsets}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Note and check."""
        self.told.append(("revoked", list(partitions)))
        for partition in partitions:
            assert self.store.owner.pop(partition) == self.name
            self.read_through.pop(partition, None)
        self.owned.difference_update(partitions)

    async def fetch(self, *, max_records: int = 1000, timeout_seconds: float = FETCH_SECONDS) -> Sequence[Fetch]:
        """One fetch; its records and positions go to the store together."""
        assert self.subscription is not None
        fetched = await self.subscription.fetch(max_records=max_records, timeout_seconds=timeout_seconds)
        assert sum(len(fetch.records) for fetch in fetched) <= max_records
        for fetch in fetched:
            self._keep(fetch)
        return fetched

    async def until(self, holds: Callable[[], bool], *, within_seconds: float = 20.0, max_records: int = 1000) -> None:
        """Fetch until it holds."""
        deadline = time.monotonic() + within_seconds
        while not holds():
            assert time.monotonic() < deadline, f"not within {within_seconds} s; {self.name} was told {self.told}"
            await self.fetch(max_records=max_records)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Fetch in the background, as a service does; an unavailable stream is tried again."""
        task = asyncio.create_task(self._run(), name=f"member {self.name}")
        try:
            yield self
            if task.done():
                task.result()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            try:
                await self.fetch()
            except StreamUnavailable:
                self.unavailable += 1
                await asyncio.sleep(0.1)

    def _keep(self, fetch: Fetch) -> None:
        assert fetch.partition in self.owned, f"{self.name} got records of {fetch.partition} and owns {self.owned}"
        before = self.store.offsets.get(fetch.partition, 0)
        assert fetch.position >= before
        for record in fetch.records:
            assert before <= record.offset < fetch.position
            self.store.received.append((fetch.partition, record.offset, record.key, record.value))
        self.store.offsets[fetch.partition] = fetch.position
        self.read_through[fetch.partition] = fetch.read_through


async def eventually_true(holds: Callable[[], bool], *, within_seconds: float, what: str) -> None:
    """Wait for what background members do."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {within_seconds} s"
        await asyncio.sleep(0.02)
