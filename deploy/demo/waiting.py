"""Waiting that ends when the demo is asked to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator
from typing import Any


@contextlib.contextmanager
def asked_to_stop(stop: asyncio.Event) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal set `stop`; call inside a running loop."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def unless(stop: asyncio.Event, awaited: asyncio.Future[None]) -> None:
    """Wait for `awaited` or `stop`, whichever comes first; raises what `awaited` raised."""
    stopping = asyncio.create_task(stop.wait())
    waited: tuple[asyncio.Future[Any], ...] = (stopping, awaited)
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    if awaited.done():
        awaited.result()


async def until_first(stop: asyncio.Event, *parts: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends; then set `stop`, let the others finish, and raise what failed."""
    running = [asyncio.create_task(part) for part in parts]
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    failed = next((error for part in running if part.done() and (error := part.exception()) is not None), None)
    stop.set()
    await asyncio.gather(*running, return_exceptions=True)
    if failed is not None:
        raise failed


async def sleep(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, or less once `stop` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), max(0.0, seconds))
