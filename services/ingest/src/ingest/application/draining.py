"""Bring what waits in the spool to the stream, in order."""

import asyncio

from ingest.application.ports import Spool
from shared.events.topics import CRM_RECEIVED
from shared.logs import get_logger
from shared.streams.port import RecordTooLarge, Stream, StreamUnavailable
from shared.supervision import wait_or_stop

logger = get_logger(__name__)

BATCH_RECORDS = 500
BATCH_BYTES = 4 * 1024 * 1024
RETRY_SECONDS = 0.5


class Drainer:
    """Append, and only then remove: a crash in between appends again, which is harmless (event ids are the same)."""

    def __init__(self, *, stream: Stream, spool: Spool, retry_seconds: float = RETRY_SECONDS) -> None:
        self._stream = stream
        self._spool = spool
        self._retry_seconds = retry_seconds
        self._draining = False

    async def run(self, stop: asyncio.Event) -> None:
        """Drain until stopped. What is left stays on disk for the next start."""
        while not stop.is_set():
            if not await _pending_or_stop(self._spool, stop):
                return
            try:
                await self.run_once()
            except StreamUnavailable as error:
                if self._draining:
                    logger.info("spool_waits", pending=self._spool.pending, reason=str(error))
                self._draining = False
                await wait_or_stop(stop, self._retry_seconds)

    async def run_once(self) -> int:
        """Move one batch; how many records. Raises `StreamUnavailable`."""
        records = await self._spool.peek(most_records=BATCH_RECORDS, most_bytes=BATCH_BYTES)
        try:
            await self._stream.append(CRM_RECEIVED, records)
            moved = len(records)
        except RecordTooLarge:
            moved = await self._until_refused()
        self._draining = True
        await self._spool.remove(moved)
        if not self._spool.pending:
            logger.info("spool_drained")
        return moved

    async def _until_refused(self) -> int:
        """One at a time; the record that the stream will never take is put aside, for people."""
        (record,) = await self._spool.peek(most_records=1, most_bytes=BATCH_BYTES)
        try:
            await self._stream.append(CRM_RECEIVED, (record,))
        except RecordTooLarge as error:
            logger.exception("spool_record_refused", reason=str(error))
            await self._spool.put_aside(record)
            return 0
        return 1


async def _pending_or_stop(spool: Spool, stop: asyncio.Event) -> bool:
    """Wait until something is to be drained; False: stopped."""
    pending = asyncio.create_task(spool.wait_pending())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({pending, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pending.cancel()
        stopping.cancel()
    return not stop.is_set()
