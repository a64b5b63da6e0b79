"""One idempotent producer and, per partition, a lane: what waits goes together into the next batch.

aiokafka's own `send` costs several times as much for each record, and mixes one caller's oversized record with the
records of others.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.logs import get_logger
from shared.streams.kafka.errors import TOO_LARGE
from shared.streams.kafka.options import KafkaOptions
from shared.streams.partitioning import partition_for
from shared.streams.port import Record, RecordTooLarge, StreamError, StreamUnavailable

logger = get_logger(__name__)

BATCH_BYTES = 256 * 1024
"""A larger record always travels alone."""
REQUEST_BYTES = 1_048_576
CLOSE_TIMEOUT_SECONDS = 1.5
"""For what is under way; who called for it has usually gone by then."""


class _Call:
    """One append: done when all its records are."""

    __slots__ = ("appended_at_ms", "done", "missing")

    def __init__(self, missing: int, appended_at_ms: int) -> None:
        self.missing = missing
        self.appended_at_ms = appended_at_ms
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def appended(self) -> None:
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result(None)

    def failed(self, error: StreamError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


Waiting = tuple[Record, _Call]


class Pipeline:
    """Lives as long as its producer; after a failure there is a new one."""

    def __init__(self, producer: AIOKafkaProducer, options: KafkaOptions, *, batch_records: int | None) -> None:
        self._producer = producer
        self._options = options
        self._batch_records = batch_records
        self._lanes: dict[tuple[str, int], deque[Waiting]] = {}
        self._running: dict[tuple[str, int], asyncio.Task[None]] = {}
        self.broken = False
        """Its producer can't be used any more."""
        self.batches_refused = False
        """The broker refused a batch as too large: its limit is below ours, records must travel alone."""

    @classmethod
    async def open(cls, options: KafkaOptions, *, batch_records: int | None) -> "Pipeline":
        """Connect. `batch_records` limits a batch beyond its bytes."""
        producer = AIOKafkaProducer(
            bootstrap_servers=options.bootstrap,
            client_id=options.client_id,
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES,
            max_request_size=REQUEST_BYTES,
            request_timeout_ms=int(options.append_timeout_seconds * 1000),
        )
        try:
            await producer.start()
        except BaseException:
            await _abandon(producer)
            raise
        return cls(producer, options, batch_records=batch_records)

    async def append(self, topic: str, records: Sequence[Record]) -> None:
        """Append, in order per key. Raises what became of the batch; has no time limit of its own."""
        if not records:
            return
        partitions = len(await self._producer.partitions_for(topic))
        call = _Call(len(records), int(self._options.clock().timestamp() * 1000))
        for record in records:
            where = (topic, partition_for(record.key, partitions))
            lane = self._lanes.get(where)
            if lane is None:
                lane = self._lanes[where] = deque()
            lane.append((record, call))
            if where not in self._running:
                self._running[where] = asyncio.create_task(self._run(where, lane), name=f"append {where}")
        await call.done

    async def close(self) -> None:
        """Finish what waits, within a bound, then stop."""
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=CLOSE_TIMEOUT_SECONDS)
            if late:
                await self.abandon()
                return
        with contextlib.suppress(Exception):  # its tasks end in many ways when the broker is gone
            await self._producer.stop()

    async def abandon(self) -> None:
        """Stop without waiting; who still waits hears that it may be missing."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for lane in self._lanes.values():
            for _, call in lane:
                call.failed(StreamUnavailable(f"{self._options.address}: the producer was replaced"))
        await _abandon(self._producer)

    async def _run(self, where: tuple[str, int], lane: deque[Waiting]) -> None:
        calls: list[_Call] = []
        try:
            while lane and not self.broken:
                calls = []
                sent = await self._send(where, lane, calls)
                if sent is not None:
                    await sent
                for call in calls:
                    call.appended()
        except TOO_LARGE as error:
            self._refused(where[0], calls, error)
        except (KafkaError, OSError) as error:
            self.broken = True
            self._fail(where[0], calls, error)
        except asyncio.CancelledError:
            self._fail(where[0], calls, StreamUnavailable(f"{self._options.address}: the producer was replaced"))
            raise
        finally:
            del self._running[where]

    async def _send(
        self, where: tuple[str, int], lane: deque[Waiting], calls: list[_Call]
    ) -> "asyncio.Future[object] | None":
        """Give the producer the next batch; its calls are added to `calls`."""
        batch = self._producer.create_batch()
        while lane and (self._batch_records is None or len(calls) < self._batch_records):
            record, call = lane[0]
            if not call.done.done():  # else its caller gave up and was told that it may be missing
                added = batch.append(
                    key=record.key, value=record.value, timestamp=call.appended_at_ms, headers=list(record.headers)
                )
                if added is None:
                    break
                calls.append(call)
            lane.popleft()
        if not calls:
            return None
        batch.close()
        topic, partition = where
        sent: asyncio.Future[object] = await self._producer.send_batch(batch, topic, partition=partition)
        return sent

    def _refused(self, topic: str, calls: Sequence[_Call], error: Exception) -> None:
        """A refused batch leaves a hole in the producer's sequence, so that the producer is of no more use."""
        self.broken = True
        if len(calls) == 1:
            refused = RecordTooLarge(f"{self._options.address} refuses a record for {topic!r} as too large: {error!r}")
            refused.__cause__ = error
            calls[0].failed(refused)
            return
        self.batches_refused = True
        self._fail(topic, calls, error)

    def _fail(self, topic: str, calls: Sequence[_Call], error: Exception) -> None:
        for call in calls:
            failure = StreamUnavailable(f"{self._options.address} failed while appending to {topic!r}: {error!r}")
            failure.__cause__ = error
            call.failed(failure)


async def _abandon(producer: AIOKafkaProducer) -> None:
    """Stop without waiting for the batches, which an idempotent producer retries without end."""
    producer._closed = True  # noqa: SLF001 - it has no other way to give up
    with contextlib.suppress(Exception):
        await producer._sender.close()  # noqa: SLF001 - same
    with contextlib.suppress(Exception):
        await producer.client.close()
