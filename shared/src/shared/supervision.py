"""Supervised tasks: every task of a service is named and watched; one that dies stops the service with a clear word."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping

from shared.logs import get_logger

logger = get_logger(__name__)

Task = Callable[[asyncio.Event], Awaitable[None]]
"""A task runs until the event is set, then finishes what is under way and returns."""


class TaskDiedError(Exception):
    """A task ended although nobody asked the service to stop."""

    def __init__(self, name: str, cause: BaseException | None) -> None:
        self.name = name
        reason = "returned" if cause is None else f"failed: {type(cause).__name__}: {cause}".rstrip(": ")
        super().__init__(f"task '{name}' {reason}; the service stops, its supervisor should start it again")


async def supervise(tasks: Mapping[str, Task], *, stop: asyncio.Event, grace_seconds: float) -> None:
    """Run all tasks until `stop` is set; then give them `grace_seconds` together, and cancel what is left.

    Raises `TaskDiedError` (with its cause) if one ended before. All tasks see
    `stop` at once: what depends on an order belongs into one task.
    """
    running = {asyncio.create_task(_awaited(run, stop), name=name): name for name, run in tasks.items()}
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
        early = [task for task in running if task.done()] if not stop.is_set() else []
        stop.set()
        await _finish(running, grace_seconds)
    finally:
        stopping.cancel()
        await _cancel(running)
    if early:
        raise _died(early[0], running)
    for task, name in running.items():
        if not task.cancelled() and (error := task.exception()) is not None:
            raise TaskDiedError(name, error) from error


async def _awaited(run: Task, stop: asyncio.Event) -> None:
    await run(stop)


async def _finish(running: Mapping[asyncio.Task[None], str], grace_seconds: float) -> None:
    _, late = await asyncio.wait(running, timeout=grace_seconds)
    for task in late:
        logger.warning("task_cut_short", task=running[task], grace_seconds=grace_seconds)


async def _cancel(running: Mapping[asyncio.Task[None], str]) -> None:
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def _died(task: asyncio.Task[None], running: Mapping[asyncio.Task[None], str]) -> TaskDiedError:
    cause = _cause(task)
    died = TaskDiedError(running[task], cause)
    died.__cause__ = cause
    return died


def _cause(task: asyncio.Task[None]) -> BaseException | None:
    """What ended it. A cancellation that nobody here asked for is some library's fault, to be told with its trace."""
    try:
        return task.exception()
    except asyncio.CancelledError as cancelled:
        return cancelled


@contextlib.contextmanager
def stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`; call inside a running loop."""
    loop = asyncio.get_running_loop()

    def ask(number: signal.Signals) -> None:
        logger.info("stop_asked", signal=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> bool:
    """Wait `seconds`, or less if `stop` is set meanwhile; whether it is."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


async def unless_stopped(work: Coroutine[None, None, None], stop: asyncio.Event) -> bool:
    """Do the work, or drop it as soon as `stop` is set; whether it was done."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    if working.cancelled():
        return False
    working.result()
    return True
