"""Several processes open the stream for the first time at once."""

import asyncio
from contextlib import AsyncExitStack

from shared.streams.port import Record
from tests.contract.streams.engines import Engine

OPENERS = 8


async def test_many_may_open_and_create_the_topic_at_once(engine: Engine, topic: str) -> None:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(engine.open()) for _ in range(OPENERS)]
        await asyncio.gather(*(stream.ensure_topic(topic, partitions=2) for stream in streams))
        await asyncio.gather(*(stream.append(topic, [Record(key=b"k", value=b"v")]) for stream in streams))
        assert sum((await streams[0].end_offsets(topic)).values()) == OPENERS
