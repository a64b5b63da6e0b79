"""The Stream port on Apache Kafka."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from shared.streams.kafka.appender import Appender
from shared.streams.kafka.broker_view import BrokerView
from shared.streams.kafka.errors import translated
from shared.streams.kafka.options import KafkaOptions
from shared.streams.kafka.subscription import KafkaSubscription
from shared.streams.port import OwnershipListener, Record, StreamUnavailable, Subscription
from shared.streams.sizes import check_sizes

CREATION_POLL_SECONDS = 0.1


class KafkaStream:
    """Opens its connections when they are first needed; so it can be made before the broker is there."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._view = BrokerView(options)
        self._appender = Appender(options)
        self._known: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._appender.close()
        await self._view.close()

    async def ensure_topic(self, topic: str, *, partitions: int) -> None:
        """As the port says; returns once every partition has a leader."""
        if topic in await self._view.topics():
            return
        await self._view.create(topic, partitions=partitions)
        with translated(f"waiting for topic {topic!r}", address=self._options.address):
            async with asyncio.timeout(self._options.ask_timeout_seconds * 2):
                while topic not in await self._view.topics():  # noqa: ASYNC110 - the broker tells nobody
                    await asyncio.sleep(CREATION_POLL_SECONDS)

    async def partitions(self, topic: str) -> int:
        """As the port says."""
        found = (await self._view.topics()).get(topic)
        if found is None:
            raise StreamUnavailable(f"{self._options.address} has no topic {topic!r} (yet): create it")
        self._known.add(topic)
        return found

    async def append(self, topic: str, records: Sequence[Record]) -> None:
        """As the port says; bounded by `append_timeout_seconds` (and the first time `ask_timeout_seconds`)."""
        check_sizes(topic, records, max_record_bytes=self._options.max_record_bytes)
        if topic not in self._known:  # a producer that is given an unknown topic may create it, with one partition
            await self.partitions(topic)
        await self._appender.append(topic, records)

    def subscribe(
        self, topic: str, *, group: str, listener: OwnershipListener
    ) -> AbstractAsyncContextManager[Subscription]:
        """As the port says."""
        return KafkaSubscription(self._options, self._view, topic=topic, group=group, listener=listener)

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        """As the port says: the high watermarks."""
        return await self._view.ends(topic, range(await self.partitions(topic)))

    async def ready(self) -> None:
        """As the port says."""
        await self._view.topics()
