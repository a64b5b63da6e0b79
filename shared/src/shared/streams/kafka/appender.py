"""Appending: one idempotent producer, replaced when it no longer gets anything through."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from shared.logs import get_logger
from shared.streams.kafka.errors import translated
from shared.streams.kafka.options import KafkaOptions
from shared.streams.partitioning import partition_for
from shared.streams.port import Record, StreamUnavailable

logger = get_logger(__name__)

BATCH_BYTES = 256 * 1024
"""A producer's batch per partition; appends of thousands should not wait for many drains."""
REQUEST_BYTES = 1_048_576


class Appender:
    """Concurrent calls share the producer, which sends what has gathered while the last request was under way."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._producer: AIOKafkaProducer | None = None
        self._opening = asyncio.Lock()
        self._last_success = 0.0
        self._retiring: set[asyncio.Task[None]] = set()

    async def append(self, topic: str, records: Sequence[Record]) -> None:
        """Append to a topic that exists. Raises `StreamUnavailable` within the time limit, or `RecordTooLarge`."""
        began = time.monotonic()
        producer: AIOKafkaProducer | None = None
        try:
            with translated(f"appending to {topic!r}", address=self._options.address):
                async with asyncio.timeout(self._options.append_timeout_seconds):
                    producer = await self._opened()
                    await self._send(producer, topic, records)
        except StreamUnavailable:
            if producer is not None:
                self._suspect(producer, since=began)
            raise
        self._last_success = time.monotonic()

    async def close(self) -> None:
        """Stop the producer; what is under way gets the append's time limit."""
        producer, self._producer = self._producer, None
        if producer is not None:
            self._retire(producer, failing=False)
        if self._retiring:
            _, late = await asyncio.wait(self._retiring, timeout=self._options.append_timeout_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _send(self, producer: AIOKafkaProducer, topic: str, records: Sequence[Record]) -> None:
        appended_at_ms = int(self._options.clock().timestamp() * 1000)
        futures: list[asyncio.Future[object]] = []
        try:
            for record in records:
                future = await producer.send(
                    topic,
                    record.value,
                    key=record.key,
                    headers=list(record.headers),
                    timestamp_ms=appended_at_ms,
                )
                futures.append(future)
            if futures:
                await asyncio.wait(futures)
        finally:
            # A future nobody looks at again would complain in the log long after the caller was told.
            for future in futures:
                future.add_done_callback(_look_at)
        for future in futures:
            future.result()

    async def _opened(self) -> AIOKafkaProducer:
        async with self._opening:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._options.bootstrap,
                    client_id=self._options.client_id,
                    enable_idempotence=True,
                    acks="all",
                    partitioner=_partitioner,
                    max_batch_size=BATCH_BYTES,
                    max_request_size=REQUEST_BYTES,
                    request_timeout_ms=int(self._options.append_timeout_seconds * 1000),
                )
                try:
                    await producer.start()
                except BaseException:
                    await _abandon(producer)
                    raise
                self._producer = producer
            return self._producer

    def _suspect(self, producer: AIOKafkaProducer, *, since: float) -> None:
        """Replace a producer that got nothing through since the failed append began.

        An idempotent producer may stay stuck for good (aiokafka issue 1017), and during an outage a new one finds out
        at once, where the old one would let every caller wait for the whole time limit.
        """
        if producer is self._producer and self._last_success < since:
            logger.warning("kafka_producer_replaced", address=self._options.address)
            self._producer = None
            self._retire(producer, failing=True)

    def _retire(self, producer: AIOKafkaProducer, *, failing: bool) -> None:
        task = asyncio.create_task(_abandon(producer) if failing else _stop(producer), name="stop-kafka-producer")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


async def _stop(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(Exception):  # its tasks end in many ways when the broker is gone
        await producer.stop()
    with contextlib.suppress(Exception):
        await producer.client.close()


async def _abandon(producer: AIOKafkaProducer) -> None:
    """Stop without waiting for the batches, which an idempotent producer retries without end.

    They are dropped; the calls that wait for them have their time limit.
    """
    with contextlib.suppress(Exception):
        await producer._sender.close()  # noqa: SLF001 - it has no other way to give up
    producer._closed = True  # noqa: SLF001 - same
    with contextlib.suppress(Exception):
        await producer.client.close()


def _partitioner(key: bytes, partitions: Sequence[int], _available: Sequence[int]) -> int:
    return partition_for(key, len(partitions))


def _look_at(future: asyncio.Future[object]) -> None:
    if not future.cancelled():
        future.exception()
