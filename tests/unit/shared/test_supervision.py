"""One dead task stops the service with a clear word; a stop lets tasks finish, within a bound."""

import asyncio

import pytest

from shared.supervision import TaskDiedError, supervise, unless_stopped, wait_or_stop


async def until_stopped(stop: asyncio.Event) -> None:
    await stop.wait()


async def test_a_stop_lets_every_task_finish() -> None:
    stop = asyncio.Event()
    finished: list[str] = []

    async def task(stop: asyncio.Event) -> None:
        await stop.wait()
        await asyncio.sleep(0)
        finished.append("done")

    asyncio.get_running_loop().call_soon(stop.set)
    await supervise({"a": task, "b": task}, stop=stop, grace_seconds=5)
    assert finished == ["done", "done"]


async def test_a_task_that_fails_stops_the_others_and_is_named() -> None:
    stop = asyncio.Event()

    async def fails(_stop: asyncio.Event) -> None:
        raise ValueError("no such table")

    with pytest.raises(TaskDiedError, match=r"task 'relay' failed: ValueError: no such table") as raised:
        await supervise({"consumer": until_stopped, "relay": fails}, stop=stop, grace_seconds=5)
    assert isinstance(raised.value.__cause__, ValueError)
    assert stop.is_set()


async def test_a_task_that_returns_unasked_has_died_too() -> None:
    async def returns(_stop: asyncio.Event) -> None:
        return

    with pytest.raises(TaskDiedError, match=r"task 'relay' returned"):
        await supervise({"consumer": until_stopped, "relay": returns}, stop=asyncio.Event(), grace_seconds=5)


async def test_a_cancellation_that_nobody_asked_for_is_a_failure_with_its_trace() -> None:
    async def cancelled_from_within(_stop: asyncio.Event) -> None:
        raise asyncio.CancelledError

    with pytest.raises(TaskDiedError, match=r"task 'fetcher' failed: CancelledError; ") as raised:
        await supervise(
            {"consumer": until_stopped, "fetcher": cancelled_from_within}, stop=asyncio.Event(), grace_seconds=5
        )
    assert isinstance(raised.value.__cause__, asyncio.CancelledError)


async def test_a_task_that_will_not_finish_is_cut_short() -> None:
    stop = asyncio.Event()
    cancelled = asyncio.Event()

    async def stubborn(_stop: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    asyncio.get_running_loop().call_soon(stop.set)
    await supervise({"stubborn": stubborn}, stop=stop, grace_seconds=0.01)
    assert cancelled.is_set()


async def test_a_failure_during_the_stop_is_not_swallowed() -> None:
    stop = asyncio.Event()

    async def fails_late(stop: asyncio.Event) -> None:
        await stop.wait()
        raise ValueError("could not flush")

    asyncio.get_running_loop().call_soon(stop.set)
    with pytest.raises(TaskDiedError, match="could not flush"):
        await supervise({"flusher": fails_late}, stop=stop, grace_seconds=5)


async def test_waiting_ends_with_the_time_or_with_the_stop() -> None:
    stop = asyncio.Event()
    assert not await wait_or_stop(stop, 0.001)
    stop.set()
    assert await wait_or_stop(stop, 60)


async def test_work_is_done_or_dropped_when_a_stop_is_asked_for() -> None:
    stop = asyncio.Event()

    async def quick() -> None:
        return

    async def endless() -> None:
        await asyncio.Event().wait()

    async def broken() -> None:
        raise ValueError("no")

    assert await unless_stopped(quick(), stop)
    with pytest.raises(ValueError, match="no"):
        await unless_stopped(broken(), stop)
    asyncio.get_running_loop().call_soon(stop.set)
    assert not await unless_stopped(endless(), stop)
