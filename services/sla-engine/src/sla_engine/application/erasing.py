"""Erase from the stream what was taken in about leads that are forgotten, where the stream can do that."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from shared.events.topics import LEAD_EVENTS
from shared.logs import get_logger
from shared.streams.erasure import ErasableStream
from shared.streams.port import Stream, StreamUnavailable
from shared.supervision import wait_or_stop
from sla_engine.application.ports import StoreUnavailable

logger = get_logger(__name__)

BATCH = 100
LOOK_SECONDS = 2.0


class Oblivion(Protocol):
    """Leads that are forgotten. Every call may raise `StoreUnavailable`."""

    async def to_erase(self, *, limit: int) -> Sequence[tuple[str, int]]:
        """Leads of which the stream still holds something, and the offset before which all of it was taken in."""
        ...

    async def erased(self, lead_key: str, *, now: datetime) -> None:
        """The stream holds nothing of it any more, or can't give anything back."""
        ...


class Erasing:
    """Safe to run at any time, by any number of processes: erasing twice is erasing once."""

    def __init__(self, *, stream: Stream, oblivion: Oblivion, clock: Callable[[], datetime]) -> None:
        self._stream = stream
        self._oblivion = oblivion
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Look now and then until stopped. What is away is asked again."""
        while not await wait_or_stop(stop, LOOK_SECONDS):
            try:
                while await self.run_once() and not stop.is_set():
                    pass
            except (StoreUnavailable, StreamUnavailable) as error:
                logger.warning("erasure_waits", reason=str(error))

    async def run_once(self) -> bool:
        """Erase what is noted; whether there may be more. Raises `StoreUnavailable` or `StreamUnavailable`."""
        leads = await self._oblivion.to_erase(limit=BATCH)
        for lead, before in leads:
            if isinstance(self._stream, ErasableStream):
                count = await self._stream.erase(LEAD_EVENTS, key=lead.encode(), before=before)
                logger.info("lead_erased", topic=LEAD_EVENTS, lead=lead, records=count)
            await self._oblivion.erased(lead, now=self._clock())
        return len(leads) == BATCH
