"""Appending within a time limit, through a pipeline that is replaced when it no longer gets anything through."""

import asyncio
import time
from collections.abc import Sequence

from shared.logs import get_logger
from shared.streams.kafka.errors import translated
from shared.streams.kafka.options import KafkaOptions
from shared.streams.kafka.pipeline import Pipeline
from shared.streams.port import Record, StreamError

logger = get_logger(__name__)

CLOSE_TIMEOUT_SECONDS = 4.0
"""For the pipelines to end; a service has ten seconds for all of it."""


class Appender:
    """Concurrent calls share one pipeline."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._pipeline: Pipeline | None = None
        self._opening = asyncio.Lock()
        self._last_success = 0.0
        self._batch_records: int | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    async def append(self, topic: str, records: Sequence[Record]) -> None:
        """Append to a topic that exists. Raises `StreamUnavailable` within the time limit, or `RecordTooLarge`."""
        began = time.monotonic()
        pipeline: Pipeline | None = None
        try:
            with translated(f"appending to {topic!r}", address=self._options.address):
                async with asyncio.timeout(self._options.append_timeout_seconds):
                    pipeline = await self._opened()
                    await pipeline.append(topic, records)
        except StreamError:
            if pipeline is not None:
                self._suspect(pipeline, since=began)
            raise
        self._last_success = time.monotonic()

    async def close(self) -> None:
        """Finish what is under way, within a bound."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            self._retire(pipeline, orderly=True)
        if self._retiring:
            _, late = await asyncio.wait(self._retiring, timeout=CLOSE_TIMEOUT_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _opened(self) -> Pipeline:
        async with self._opening:
            if self._pipeline is not None and self._pipeline.broken:
                self._replace(self._pipeline)
            if self._pipeline is None:
                self._pipeline = await Pipeline.open(self._options, batch_records=self._batch_records)
            return self._pipeline

    def _suspect(self, pipeline: Pipeline, *, since: float) -> None:
        """Replace a pipeline that is broken, or got nothing through since the failed append began.

        An idempotent producer may stay stuck for good (aiokafka issue 1017), and during an outage a new one finds out
        at once, where the old one would let every caller wait for the whole time limit.
        """
        if pipeline is self._pipeline and (pipeline.broken or self._last_success < since):
            self._replace(pipeline)

    def _replace(self, pipeline: Pipeline) -> None:
        logger.warning("kafka_producer_replaced", address=self._options.address)
        if pipeline.batches_refused:
            logger.warning("kafka_batches_too_large", address=self._options.address, then="records travel alone")
            self._batch_records = 1
        self._pipeline = None
        self._retire(pipeline, orderly=False)

    def _retire(self, pipeline: Pipeline, *, orderly: bool) -> None:
        ending = pipeline.close() if orderly else pipeline.abandon()
        task = asyncio.create_task(ending, name="stop-kafka-producer")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
