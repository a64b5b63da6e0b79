"""The spool itself: append with one fsync for all that wait, read in order, forget what the stream has."""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from ingest.adapters.spool import frame
from ingest.adapters.spool.directory import SegmentFile, SpoolDirectory
from ingest.application.ports import SpoolFull
from shared.logs import get_logger
from shared.streams.port import Record

logger = get_logger(__name__)

SEGMENT_BYTES = 4 * 1024 * 1024
"""A segment is deleted as a whole: small ones give their bytes back soon."""
ASIDE = "refused.aside"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


class _Kept(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a record that waits lies."""

    segment: SegmentFile
    sequence: int
    start: int
    size: int


class _Writing:
    """One `put`: its payload, and the future its caller waits for."""

    __slots__ = ("done", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class DiskSpool:
    """The `Spool` port in a folder. Enter the context before use; entering reads what an earlier process left.

    Callers that put at the same time share one fsync. Disk work runs in threads, one piece at a time.
    """

    def __init__(self, path: Path, *, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._directory = SpoolDirectory(path)
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._kept: deque[_Kept] = deque()
        self._waiting: deque[_Writing] = deque()
        self._under_way = 0
        self._reserved = 0
        self.bytes = 0
        """What the segments take on disk."""
        self._sizes: dict[SegmentFile, int] = {}  # changed in threads, under the lock; oldest segment first
        self._active: SegmentFile | None = None
        self._next = 1
        self._disk = asyncio.Lock()
        self._flushing: asyncio.Task[None] | None = None
        self._something = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Raises `SpoolTaken`, or `OSError` where the folder can't be used."""
        await asyncio.to_thread(self._open)
        if self._kept:
            self._something.set()
            logger.warning("spool_found", requests=len(self._kept), bytes=self.bytes)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)
        self._directory.close()

    @property
    def pending(self) -> int:
        """As the port says."""
        return len(self._kept) + len(self._waiting) + self._under_way

    @property
    def full(self) -> bool:
        """Whether a request of usual size would be refused."""
        return self.bytes + self._reserved + 64 * 1024 > self._max_bytes

    async def put(self, record: Record) -> None:
        """As the port says."""
        writing = _Writing(_encode(record))
        size = len(writing.payload) + frame.HEADER_BYTES
        if self.bytes + self._reserved + size > self._max_bytes:
            raise SpoolFull(f"the spool {self._directory.path} holds {self.bytes} of {self._max_bytes} bytes")
        self._reserved += size
        self._waiting.append(writing)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush(), name="spool-flush")
        try:
            await writing.done
        finally:
            self._reserved -= size

    async def wait_pending(self) -> None:
        """As the port says."""
        await self._something.wait()

    async def peek(self, *, most_records: int, most_bytes: int) -> Sequence[Record]:
        """As the port says. A record that has been damaged on disk since it was written is dropped and reported."""
        async with self._disk:
            chosen: list[_Kept] = []
            size = 0
            for kept in self._kept:
                size += kept.size
                if chosen and (len(chosen) >= most_records or size > most_bytes):
                    break
                chosen.append(kept)
            payloads = await asyncio.to_thread(_read, chosen)
        for kept, payload in zip(chosen, payloads, strict=True):
            if payload is None:
                self._kept.remove(kept)
                logger.error("spool_record_damaged", path=str(kept.segment.path), start=kept.start, bytes=kept.size)
        if not self._kept:
            self._something.clear()
        return [_decode(payload) for payload in payloads if payload is not None]

    async def remove(self, count: int) -> None:
        """As the port says."""
        async with self._disk:
            last = 0
            for _ in range(count):
                last = self._kept.popleft().sequence
            if not self._kept:
                self._something.clear()
            await asyncio.to_thread(self._forget, last)
            self._account()

    async def put_aside(self, record: Record) -> None:
        """As the port says: appended to a file beside the segments, which nobody reads but people."""
        await asyncio.to_thread(_append_aside, self._directory.path / ASIDE, _encode(record))
        await self.remove(1)

    async def _flush(self) -> None:
        while self._waiting:
            async with self._disk:
                batch = list(self._waiting)
                self._waiting.clear()
                self._under_way = len(batch)
                try:
                    kept = await asyncio.to_thread(self._write, [writing.payload for writing in batch])
                except Exception as error:  # noqa: BLE001 - handed to the callers; the next write may go well
                    _fail(batch, error)
                else:
                    self._kept.extend(kept)
                    self._something.set()
                    _succeed(batch)
                finally:
                    self._under_way = 0
                    self._account()

    def _write(self, payloads: Sequence[bytes]) -> Sequence[_Kept]:
        """Append and sync; on any failure the segment is as it was before. In a thread."""
        if self._active is None or self._sizes[self._active] >= self._segment_bytes:
            self._active = self._directory.new_segment(self._next)
            self._sizes[self._active] = 0
        segment = self._active
        begin = self._sizes[segment]
        frames = [
            frame.encode(payload, sequence=self._next + index, salt=segment.salt)
            for index, payload in enumerate(payloads)
        ]
        data = b"".join(frames)
        descriptor = os.open(segment.path, os.O_WRONLY)
        try:
            _write_at(descriptor, data, begin)
            os.fdatasync(descriptor)
        except OSError:
            # Never told anybody that these are safe: they must not come back after a restart.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, begin)
            raise
        finally:
            os.close(descriptor)
        kept = []
        for index, one in enumerate(frames):
            kept.append(_Kept(segment=segment, sequence=self._next + index, start=begin, size=len(one)))
            begin += len(one)
        self._next += len(frames)
        self._sizes[segment] = begin
        return kept

    def _open(self) -> None:
        self._directory.open()
        cursor = self._directory.read_cursor()
        last = 0
        for segment in self._directory.segments():
            last = max(last, segment.first - 1)
            for found in self._sound_frames(segment):
                if found.sequence <= last:
                    continue
                last = found.sequence
                if found.sequence > cursor:
                    size = found.end - found.start
                    self._kept.append(_Kept(segment=segment, sequence=found.sequence, start=found.start, size=size))
        self._next = max(last, cursor) + 1
        self._forget(0)
        self._account()

    def _sound_frames(self, segment: SegmentFile) -> list[frame.Frame]:
        data = segment.path.read_bytes()
        self._sizes[segment] = len(data)
        frames: list[frame.Frame] = []
        for found in frame.scan(data, salt=segment.salt):
            if isinstance(found, frame.Frame):
                frames.append(found)
                continue
            logger.warning(
                "spool_tail_torn" if found.torn else "spool_damaged",
                path=str(segment.path),
                start=found.start,
                bytes=found.end - found.start,
                detail="cut off: it was never acknowledged" if found.torn else "skipped: what follows is sound",
            )
            if found.torn:
                os.truncate(segment.path, found.start)
                self._sizes[segment] = found.start
        return frames

    def _forget(self, last: int) -> None:
        """Move the cursor to `last` (unless 0) and delete the segments before the oldest record that waits."""
        if last:
            self._directory.write_cursor(last)
        oldest = self._kept[0].segment.first if self._kept else self._next
        for segment in [segment for segment in self._sizes if segment.first < oldest]:
            self._directory.delete(segment)
            del self._sizes[segment]
            if segment is self._active:
                self._active = None

    def _account(self) -> None:
        self.bytes = sum(self._sizes.values())


def _write_at(descriptor: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, place)
        view, place = view[written:], place + written


def _read(chosen: Sequence[_Kept]) -> list[bytes | None]:
    payloads: list[bytes | None] = []
    with contextlib.ExitStack() as stack:
        files = {
            segment: stack.enter_context(segment.path.open("rb", buffering=0))
            for segment in {kept.segment for kept in chosen}
        }
        for kept in chosen:
            data = os.pread(files[kept.segment].fileno(), kept.size, kept.start)
            payloads.append(frame.payload_of(data, sequence=kept.sequence, salt=kept.segment.salt))
    return payloads


def _append_aside(path: Path, payload: bytes) -> None:
    with path.open("ab") as file:
        file.write(len(payload).to_bytes(4, "big") + payload)
        file.flush()
        os.fsync(file.fileno())


def _succeed(batch: Sequence[_Writing]) -> None:
    for writing in batch:
        if not writing.done.done():
            writing.done.set_result(None)


def _fail(batch: Sequence[_Writing], error: Exception) -> None:
    for writing in batch:
        if not writing.done.done():
            refused = SpoolFull(f"the spool can't be written: {error}")
            refused.__cause__ = error
            writing.done.set_exception(refused)
