"""The loops that deliver and settle: thin shells around `run_once`."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from shared.database import DatabaseUnavailable
from shared.logs import get_logger
from shared.supervision import Task, wait_or_stop

logger = get_logger(__name__)

LOOK_SECONDS = 0.5
"""How often the stored deliveries are looked at when nothing wakes a worker: retries and paces fall due by time."""
SETTLE_LOOK_SECONDS = 1.0
FORGET_LOOK_SECONDS = 3600.0
PAUSE_SECONDS = 1.0

RunOnce = Callable[[], Awaitable[bool]]
"""Does one piece of work; whether there was any. Raises `DatabaseUnavailable`."""


class Wake:
    """Wakes workers as soon as something was planned in this process."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def planned(self) -> None:
        """Something may be due now."""
        self._event.set()

    async def wait(self, stop: asyncio.Event, seconds: float) -> None:
        """Until woken or stopped, but no longer than `seconds`."""
        woken = asyncio.create_task(self._event.wait())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([woken, stopped], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (woken, stopped):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._event.clear()


def worker(run_once: RunOnce, wake: Wake, *, may_speak: Callable[[], bool] = lambda: True) -> Task:
    """Deliver whatever is due until stopped, while `may_speak` says so; what is under way is finished first."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            if not may_speak() or not await _patiently(run_once, stop):
                await wake.wait(stop, LOOK_SECONDS)

    return run


def watchman(run_once: RunOnce) -> Task:
    """Reclaim and look up until stopped."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await _patiently(run_once, stop)
            await wait_or_stop(stop, SETTLE_LOOK_SECONDS)

    return run


def caretaker(run_once: RunOnce) -> Task:
    """Forget what is no longer needed, at start and every hour."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await _patiently(run_once, stop)
            await wait_or_stop(stop, FORGET_LOOK_SECONDS)

    return run


async def _patiently(run_once: RunOnce, stop: asyncio.Event) -> bool:
    """A database that is away is waited for; what was under way then is settled by its lease."""
    try:
        return await run_once()
    except DatabaseUnavailable as error:
        logger.warning("database_unavailable", detail=str(error))
        await wait_or_stop(stop, PAUSE_SECONDS)
        return False
