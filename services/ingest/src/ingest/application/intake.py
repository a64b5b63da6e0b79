"""Store a raw request before it is answered: in the stream, or on this machine's disk while the stream is away."""

import asyncio
import enum

from ingest.application.ports import Spool
from ingest.domain import raw_request
from ingest.domain.raw_request import RawRequest
from shared.events.topics import CRM_RECEIVED
from shared.logs import get_logger
from shared.streams.port import Record, RecordTooLarge, Stream, StreamUnavailable
from shared.streams.sizes import MAX_RECORD_BYTES, record_bytes

logger = get_logger(__name__)


class StoredIn(enum.StrEnum):
    """Where a request lies after it was stored."""

    STREAM = "stream"
    SPOOL = "spool"


def received_record(request: RawRequest) -> Record:
    """The request as it stands on `crm.received`: keyed by source, so that a source's requests stay in order.

    Why by source: docs/decisions/0010.
    """
    return Record(key=request.source.encode(), value=raw_request.encode(request))


class Intake:
    """Where received requests are stored.

    While anything waits in the spool, all requests go there: nothing overtakes, and no request waits for a stream that
    is known to be away.
    """

    def __init__(self, *, stream: Stream, spool: Spool, append_timeout_seconds: float) -> None:
        self._stream = stream
        self._spool = spool
        self._append_timeout_seconds = append_timeout_seconds

    async def store(self, request: RawRequest) -> StoredIn:
        """Return once the request is durable. Raises `SpoolFull` or `RecordTooLarge`."""
        record = received_record(request)
        if (size := record_bytes(record)) > MAX_RECORD_BYTES:
            raise RecordTooLarge(f"a request of {size} bytes is over the stream's limit of {MAX_RECORD_BYTES} bytes")
        if not self._spool.pending:
            try:
                async with asyncio.timeout(self._append_timeout_seconds):
                    await self._stream.append(CRM_RECEIVED, (record,))
            except (StreamUnavailable, TimeoutError) as error:
                logger.warning("request_spooled", raw_id=request.id, reason=str(error) or "no answer in time")
            else:
                return StoredIn.STREAM
        await self._spool.put(record)
        return StoredIn.SPOOL
