"""Store a raw request before it is answered: in the stream, or on this machine's disk while the stream is away."""

import asyncio
import enum
from collections.abc import Sequence
from typing import NamedTuple

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


class _Waiting(NamedTuple):
    """A record, and the future that its request waits for."""

    record: Record
    done: asyncio.Future[None]


class Intake:
    """Where received requests are stored.

    Requests that come in the same turn of the event loop share one append. While anything waits in the spool, all
    requests go there: nothing overtakes, and no request waits for a stream that is known to be away.
    """

    def __init__(self, *, stream: Stream, spool: Spool, append_timeout_seconds: float) -> None:
        self._stream = stream
        self._spool = spool
        self._append_timeout_seconds = append_timeout_seconds
        self._gathered: list[_Waiting] = []
        self._appending: set[asyncio.Task[None]] = set()

    async def store(self, request: RawRequest) -> StoredIn:
        """Return once the request is durable. Raises `SpoolFull` or `RecordTooLarge`."""
        record = received_record(request)
        if (size := record_bytes(record)) > MAX_RECORD_BYTES:
            raise RecordTooLarge(f"a request of {size} bytes is over the stream's limit of {MAX_RECORD_BYTES} bytes")
        if not self._spool.pending:
            try:
                await self._in_stream(record)
            except StreamUnavailable as error:
                logger.warning("request_spooled", raw_id=request.id, reason=str(error))
            else:
                return StoredIn.STREAM
        await self._spool.put(record)
        return StoredIn.SPOOL

    def _in_stream(self, record: Record) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(record, loop.create_future())
        self._gathered.append(waiting)
        if len(self._gathered) == 1:
            loop.call_soon(self._begin)
        return waiting.done

    def _begin(self) -> None:
        batch, self._gathered = self._gathered, []
        task = asyncio.create_task(self._append(batch), name="intake-append")
        self._appending.add(task)
        task.add_done_callback(self._appending.discard)

    async def _append(self, batch: Sequence[_Waiting]) -> None:
        try:
            async with asyncio.timeout(self._append_timeout_seconds):
                await self._stream.append(CRM_RECEIVED, [waiting.record for waiting in batch])
        except TimeoutError:
            _fail(batch, StreamUnavailable("the stream did not confirm in time"))
        except RecordTooLarge as error:
            if len(batch) == 1:
                _fail(batch, error)
                return
            for waiting in batch:  # this broker's limit is lower than ours: the others must not suffer for it
                await self._append([waiting])
        except StreamUnavailable as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - the requests that wait must hear of it, whatever it is
            _fail(batch, error)
        else:
            for waiting in batch:
                if not waiting.done.done():
                    waiting.done.set_result(None)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            # Each its own: one exception raised in many tasks grows its traceback with each of them.
            own = StreamUnavailable(str(error)) if isinstance(error, StreamUnavailable) else error
            waiting.done.set_exception(own)
