"""Erase from the stream what was taken in about leads that are forgotten, where the stream can do that."""

from collections.abc import Callable
from datetime import datetime

from notifier.application.ports import Erasures
from shared.events.topics import SLA_EVENTS
from shared.logs import get_logger
from shared.streams.erasure import ErasableStream
from shared.streams.port import Stream, StreamUnavailable

logger = get_logger(__name__)

BATCH = 100


class Erasing:
    """Safe to run at any time, by any number of processes: erasing twice is erasing once."""

    def __init__(self, *, stream: Stream, erasures: Erasures, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._erasures = erasures
        self._now = now

    async def run_once(self) -> bool:
        """Erase what is noted; whether there may be more. A stream that is away is asked the next time."""
        leads = await self._erasures.to_erase(limit=BATCH)
        for lead, before in leads:
            if isinstance(self._stream, ErasableStream):
                try:
                    count = await self._stream.erase(SLA_EVENTS, key=lead.encode(), before=before)
                except StreamUnavailable as error:
                    logger.warning("erasure_waits", reason=str(error))
                    return False
                logger.info("lead_erased", topic=SLA_EVENTS, lead=lead, records=count)
            await self._erasures.erased(lead, now=self._now())
        return len(leads) == BATCH
