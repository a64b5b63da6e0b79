"""Appending: calls that come while a batch is being written go together into the next one."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import datetime

import msgspec

from shared.streams.partitioning import partition_for
from shared.streams.port import Record, StreamUnavailable
from shared.streams.postgres import statements
from shared.streams.postgres.database import Database, Topic
from shared.streams.sizes import record_bytes

BATCH_RECORDS = 5_000
BATCH_BYTES = 8 * 1024 * 1024

_encode = msgspec.msgpack.Encoder().encode


class _Waiting:
    """One call's records, and the future that its caller waits for."""

    __slots__ = ("appended_at", "done", "records", "topic")

    def __init__(self, topic: Topic, records: Sequence[Record], appended_at: datetime) -> None:
        self.topic = topic
        self.records = records
        self.appended_at = appended_at
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Appender:
    """One batch at a time: its commit takes longest, and two would wait for the same partitions' rows anyway."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def append(self, topic: Topic, records: Sequence[Record]) -> None:
        """Append; returns once committed. Raises `StreamUnavailable` within the time limit."""
        options = self._database.options
        # Milliseconds, as a broker would keep.
        now = options.clock()
        waiting = _Waiting(topic, records, now.replace(microsecond=now.microsecond // 1000 * 1000))
        self._waiting.append(waiting)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="postgres-stream-append")
        try:
            async with asyncio.timeout(options.append_timeout_seconds):
                await waiting.done
        except TimeoutError as error:
            raise StreamUnavailable(f"{options.address} did not confirm an append in time") from error

    async def close(self) -> None:
        """Finish what is waiting; every call is bounded by its time limit, so this is too."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write(self) -> None:
        while self._waiting:
            for topic, batch in self._next_batches().items():
                try:
                    await self._write_batch(topic, batch)
                except Exception as error:  # noqa: BLE001 - handed to the callers; the next batch may go well
                    _fail(batch, error)
                else:
                    _succeed(batch)

    def _next_batches(self) -> dict[Topic, list[_Waiting]]:
        batches: dict[Topic, list[_Waiting]] = defaultdict(list)
        records = size = 0
        while self._waiting and records < BATCH_RECORDS and size < BATCH_BYTES:
            waiting = self._waiting.popleft()
            if waiting.done.done():  # gave up waiting; its caller was told that it may be missing
                continue
            batches[waiting.topic].append(waiting)
            records += len(waiting.records)
            size += sum(map(record_bytes, waiting.records))
        return batches

    async def _write_batch(self, topic: Topic, batch: Sequence[_Waiting]) -> None:
        partitions: list[int] = []
        ranks: list[int] = []
        keys: list[bytes] = []
        values: list[bytes] = []
        headers: list[bytes | None] = []
        times: list[datetime] = []
        counts = [0] * topic.partitions
        for waiting in batch:
            for record in waiting.records:
                partition = partition_for(record.key, topic.partitions)
                partitions.append(partition)
                ranks.append(counts[partition])
                counts[partition] += 1
                keys.append(record.key)
                values.append(record.value)
                headers.append(_encode(record.headers) if record.headers else None)
                times.append(waiting.appended_at)
        if partitions:
            async with self._database.connection("appending") as connection:
                await connection.execute(
                    statements.APPEND, topic.topic_id, partitions, ranks, keys, values, headers, times
                )


def _succeed(batch: Sequence[_Waiting]) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_result(None)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            refused = StreamUnavailable(str(error)) if isinstance(error, StreamUnavailable) else error
            refused.__cause__ = error.__cause__  # each caller its own: one exception raised twice grows its traceback
            waiting.done.set_exception(refused)
