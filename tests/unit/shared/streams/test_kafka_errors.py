"""What aiokafka raises is told in the port's words; its own cancellations never end a service."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from shared.streams.kafka.errors import translated
from shared.streams.port import RecordTooLarge, StreamUnavailable

ADDRESS = "kafka://broker:9092"


@pytest.mark.parametrize("raised", [KafkaConnectionError(), TimeoutError(), ConnectionResetError("reset")])
def test_what_passes_is_unavailable_and_names_the_address(raised: Exception) -> None:
    named = pytest.raises(StreamUnavailable, match=r"kafka://broker:9092 .* while fetching")
    with named as told, translated("fetching", address=ADDRESS):
        raise raised
    assert told.value.__cause__ is raised


def test_what_is_too_large_is_permanent() -> None:
    with pytest.raises(RecordTooLarge), translated("appending", address=ADDRESS):
        raise MessageSizeTooLargeError


async def test_a_cancellation_from_within_aiokafka_is_an_outage() -> None:
    with pytest.raises(StreamUnavailable, match="cancelled its own request"), translated("fetching", address=ADDRESS):
        raise asyncio.CancelledError


async def test_a_cancellation_of_this_task_stays_one() -> None:
    begun = asyncio.Event()

    async def fetch() -> None:
        with translated("fetching", address=ADDRESS):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(fetch())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_time_limit_inside_stays_a_time_limit() -> None:
    with pytest.raises(StreamUnavailable, match="did not answer in time"), translated("fetching", address=ADDRESS):
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()
