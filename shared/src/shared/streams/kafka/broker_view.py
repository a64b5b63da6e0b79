"""Questions to the broker: which topics there are, and where their partitions begin and end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.streams.kafka.errors import translated
from shared.streams.kafka.options import KafkaOptions
from shared.streams.port import StreamUnavailable

TOPIC_EXISTS = 36
DEFAULT_REPLICAS = 3


class BrokerView:
    """Two clients, opened when first needed and replaced after a failure, so that a moved broker is found again."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._admin: AIOKafkaAdminClient | None = None
        self._reader: AIOKafkaConsumer | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Close the clients; a later question opens them again."""
        admin, self._admin = self._admin, None
        reader, self._reader = self._reader, None
        with contextlib.suppress(Exception):  # closing a client of a broker that is gone; nothing is owed to it
            if admin is not None:
                await admin.close()
        with contextlib.suppress(Exception):
            if reader is not None:
                await reader.stop()

    async def topics(self) -> Mapping[str, int]:
        """All topics with their number of partitions. Asks for all: a question about one might create it."""
        async with self._asking("asking for its topics"):
            described = await (await self._opened_admin()).describe_topics()
        return {topic["topic"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}

    async def create(self, topic: str, *, partitions: int) -> None:
        """Create a topic, on three brokers or as many as there are; one that is there stays as it is."""
        async with self._asking(f"creating topic {topic!r}"):
            admin = await self._opened_admin()
            brokers = len((await admin.describe_cluster())["brokers"])
            replicas = max(1, min(DEFAULT_REPLICAS, brokers))
            configs = {"retention.ms": str(round(self._options.retention_seconds * 1000))}
            answer: Any = await admin.create_topics(
                [NewTopic(topic, num_partitions=partitions, replication_factor=replicas, topic_configs=configs)],
                timeout_ms=int(self._options.ask_timeout_seconds * 1000),
            )
        for _, code, *message in answer.topic_errors:
            if code not in {0, TOPIC_EXISTS}:
                raise StreamUnavailable(
                    f"{self._options.address} refused to create topic {topic!r}: code {code} {message}"
                )

    async def ends(self, topic: str, partitions: Iterable[int]) -> Mapping[int, int]:
        """The high watermark of each: every record acknowledged before the question lies before it.

        Not the last stable offset: behind an open transaction there may be acknowledged records that can't be read yet.
        """
        async with self._asking(f"asking for the end of {topic!r}"):
            reader = await self._opened_reader()
            found = await reader.end_offsets([TopicPartition(topic, partition) for partition in partitions])
        return {where.partition: offset for where, offset in found.items()}

    async def beginnings(self, topic: str, partitions: Iterable[int]) -> Mapping[int, int]:
        """The earliest offset of each."""
        async with self._asking(f"asking for the beginning of {topic!r}"):
            reader = await self._opened_reader()
            found = await reader.beginning_offsets([TopicPartition(topic, partition) for partition in partitions])
        return {where.partition: offset for where, offset in found.items()}

    @asynccontextmanager
    async def _asking(self, doing: str) -> AsyncIterator[None]:
        try:
            with translated(doing, address=self._options.address):
                async with asyncio.timeout(self._options.ask_timeout_seconds):
                    yield
        except StreamUnavailable:
            await self.close()
            raise

    async def _opened_admin(self) -> AIOKafkaAdminClient:
        async with self._opening:
            if self._admin is None:
                admin = AIOKafkaAdminClient(
                    bootstrap_servers=self._options.bootstrap,
                    client_id=self._options.client_id,
                    request_timeout_ms=int(self._options.ask_timeout_seconds * 1000),
                )
                try:
                    await admin.start()
                except BaseException:
                    await admin.close()
                    raise
                self._admin = admin
            return self._admin

    async def _opened_reader(self) -> AIOKafkaConsumer:
        async with self._opening:
            if self._reader is None:
                reader = AIOKafkaConsumer(
                    bootstrap_servers=self._options.bootstrap,
                    client_id=self._options.client_id,
                    request_timeout_ms=int(self._options.ask_timeout_seconds * 1000),
                    isolation_level="read_uncommitted",
                    enable_auto_commit=False,
                )
                try:
                    await reader.start()
                except BaseException:
                    await reader.stop()
                    raise
                self._reader = reader
            return self._reader
