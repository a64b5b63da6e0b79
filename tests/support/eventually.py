"""Wait for what another process does: look again until it holds, within a bound; never sleep and hope."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_AGAIN_SECONDS = 0.05


async def eventually(look: Callable[[], Awaitable[T]], *, within_seconds: float, what: str) -> T:
    """The first truthy answer of `look`. Fails, naming `what` and the last answer or error, when none came in time."""
    deadline = time.monotonic() + within_seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            answer = await look()
            if answer:
                return answer
            last = answer
        except (AssertionError, OSError) as error:
            last = error
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    raise AssertionError(f"{what}: not within {within_seconds:g} s; last seen: {last!r}")
