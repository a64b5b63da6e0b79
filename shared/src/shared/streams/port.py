"""The Stream port: what the services may ask of a log, whichever engine keeps it.

A topic has a fixed number of partitions. A record's key decides its partition (both adapters use murmur2, as Kafka's
own clients do), so the records of one key stay in order. Progress belongs to the consumer: it stores the offset to
resume from in its own database, in the same transaction as its results, and tells it when it comes to own a partition.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

import msgspec


class StreamError(Exception):
    """What the log answers when it does not do what was asked."""


class StreamUnavailable(StreamError):  # noqa: N818 - it names a state that passes, not a fault
    """The log can't be reached or refuses for now. Temporary: the same call may be made again."""


class RecordTooLarge(StreamError):  # noqa: N818 - the log's own term
    """The log will never take this record. Permanent: do not retry."""


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A record to append."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class StoredRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A record as read back. `appended_at` is set by whoever appended it (aware UTC, milliseconds)."""

    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    appended_at: datetime


class Fetch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one look at one owned partition gave; `records` may be empty.

    `position` is the offset to resume from after these records. It is not "last offset + 1": a log may hold entries
    that are no records (transaction markers, compacted ones), and a position may advance with no record at all.

    `read_through` is the gate: every record that was appended (acknowledged to its producer) before this instant has
    been handed out up to `position`. It is None while that is not known, that is while the log's end has not been
    reached. It moves on with empty fetches, so that an idle partition's deadlines can fire.
    """

    partition: int
    records: Sequence[StoredRecord]
    position: int
    read_through: datetime | None


class OwnershipListener(Protocol):
    """Told which partitions this consumer owns. Both calls are awaited before fetching goes on."""

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """These partitions are owned from now on. Returns the offset to read each from (absent: the earliest)."""
        ...

    async def revoked(self, partitions: Sequence[int]) -> None:
        """These partitions are owned no more. After a crash or a lost session nobody calls this: fence your writes."""
        ...


class Subscription(Protocol):
    """An owner's view of its partitions of one topic."""

    async def fetch(self, *, max_records: int, timeout_seconds: float) -> Sequence[Fetch]:
        """Whatever is new on the owned partitions: at most one `Fetch` a partition, at most `max_records` in all.

        Returns early when there are records, and at the latest after about `timeout_seconds`; partitions without
        records are reported too when their gate moved. Ownership changes happen inside this call. Raises
        `StreamUnavailable` where the log can't be read; the subscription stays usable and the call may be made again.
        """
        ...


class Stream(Protocol):
    """A log that services append to and subscribe to. Open it with `shared.streams.connect.open_stream`."""

    async def ensure_topic(self, topic: str, *, partitions: int) -> None:
        """Create the topic unless it is there. An existing topic keeps its number of partitions."""
        ...

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has. Raises `StreamUnavailable` while the topic does not exist."""
        ...

    async def append(self, topic: str, records: Sequence[Record]) -> None:
        """Append, in order per key; returns once all are durable.

        Raises `StreamUnavailable` (some may have been appended: make the call again, consumers drop ids they have
        seen) or `RecordTooLarge`.
        """
        ...

    def subscribe(
        self, topic: str, *, group: str, listener: OwnershipListener
    ) -> AbstractAsyncContextManager[Subscription]:
        """Join `group` on the topic; partitions are shared among its members, each owned by one at a time.

        Waits for a topic that does not exist yet. Leaving the context gives the partitions back.
        """
        ...

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        """The offset after the last record, per partition: for lag and for tests."""
        ...

    async def ready(self) -> None:
        """Raise `StreamUnavailable`, saying what is missing, unless the log answers now."""
        ...
