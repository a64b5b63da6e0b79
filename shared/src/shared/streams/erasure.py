"""Taking personal data back out of a log, where the log can do that.

The log in PostgreSQL can. Apache Kafka can't: there a record goes when its topic's retention ends, and not before; what
must be gone sooner needs a shorter `retention.ms`.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from shared.streams.port import StoredRecord


class Located(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A record, and where it stands."""

    partition: int
    record: StoredRecord


@runtime_checkable
class ErasableStream(Protocol):
    """A log whose records can be removed one by one. Positions stay as they are: offsets of removed records are gaps.

    Every call may raise `StreamUnavailable`. Remove only what every group has read.
    """

    async def erase(self, topic: str, *, key: bytes, before: int) -> int:
        """Remove the records of a key with smaller offsets than `before` (of the key's partition); how many."""
        ...

    async def search(self, topic: str, *, key: bytes, containing: bytes) -> Sequence[Located]:
        """The records of a key whose value contains these bytes, in order."""
        ...

    async def replace(self, topic: str, *, partition: int, offset: int, value: bytes | None) -> None:
        """Give a record another value, or remove it (None)."""
        ...
