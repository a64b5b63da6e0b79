"""Dead letters hold personal data: after the time set for them they are deleted."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from ingest.application.ports import DeadLetters, StoreUnavailable
from shared.logs import get_logger
from shared.supervision import wait_or_stop

logger = get_logger(__name__)

EVERY_SECONDS = 3600.0


class Retention:
    """Deletes now and then; a database that is away is tried again the next time."""

    def __init__(self, *, letters: DeadLetters, keep: timedelta, clock: Callable[[], datetime]) -> None:
        self._letters = letters
        self._keep = keep
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stopped."""
        while not await wait_or_stop(stop, EVERY_SECONDS):
            try:
                await self.run_once(self._clock())
            except StoreUnavailable as error:
                logger.warning("retention_waits", reason=str(error))

    async def run_once(self, now: datetime) -> int:
        """Delete what is older than the time set; how many requests."""
        deleted = await self._letters.delete_before(now - self._keep)
        if deleted:
            logger.info("dead_letters_deleted", requests=deleted)
        return deleted
