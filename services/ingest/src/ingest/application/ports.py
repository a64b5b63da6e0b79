"""What the application asks of the outside, besides the stream."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from shared.streams.port import Record


class StoreUnavailable(Exception):  # noqa: N818 - it names a state that passes, not a fault
    """The database can't be reached or refuses for now. Temporary: make the call again."""


class Fenced(Exception):  # noqa: N818 - it is what happened
    """Somebody else owns the partition by now; nothing was committed."""

    def __init__(self, partition: int, epoch: int) -> None:
        super().__init__(f"partition {partition} was claimed by another process after epoch {epoch}")
        self.partition = partition
        self.epoch = epoch


class SpoolFull(Exception):  # noqa: N818 - it names a state that passes, not a fault
    """The spool takes no more: its bytes are used up, or the disk refuses."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A partition of `crm.received` that is ours; `position` None: nothing of it was ever committed."""

    partition: int
    epoch: int
    position: int | None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Part number `part` of a raw request (None: all of it) that could not be translated.

    `request` is the request as it stands on the stream, whether or not it can be decoded; `id` is deterministic.
    """

    id: str
    raw_id: str
    source: str
    part: int | None
    reason: str
    detail: str
    request: bytes
    received_at: datetime | None


class StoredDeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter as it is kept. `redriven_at`: when its part could be translated after all."""

    letter: DeadLetter
    first_seen: datetime
    redriven_at: datetime | None
    attempts: int


class Ledger(Protocol):
    """Offsets and dead letters of the translation, one transaction a commit."""

    async def claim(self, partition: int, *, owner: str) -> Claim:
        """Own the partition: whoever held it before can commit nothing more. Raises `StoreUnavailable`."""
        ...

    async def commit(
        self,
        claim: Claim,
        *,
        position: int,
        letters: Sequence[DeadLetter],
        heard: Mapping[str, datetime],
    ) -> None:
        """Store the offset to resume from, the dead letters, and when each source was last heard, together.

        Raises `Fenced` or `StoreUnavailable`.
        """
        ...

    async def forgotten(self, leads: Sequence[str]) -> frozenset[str]:
        """Which of these leads are forgotten. Raises `StoreUnavailable`."""
        ...

    async def all_forgotten(self) -> Sequence[str]:
        """All that are. Raises `StoreUnavailable`."""
        ...


class Remains(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a stored request: None: nothing of it is to be kept. `gone` are numbers of its parts."""

    value: bytes | None
    gone: frozenset[int] = frozenset()


class Oblivion(Protocol):
    """Leads that are forgotten. Every call may raise `StoreUnavailable`."""

    async def positions(self) -> Mapping[int, int]:
        """How far each partition of `sla.events` was read for leads that are forgotten."""
        ...

    async def moved(self, partition: int, position: int) -> None:
        """All before `position` was dealt with."""
        ...

    async def translated(self) -> Mapping[int, int]:
        """How far each partition of `crm.received` was translated."""
        ...

    async def forget(self, lead: str, *, containing: bytes, bare: Callable[[bytes], Remains]) -> int:
        """Note that the lead is forgotten, and bare the dead letters whose request contains these bytes; how many."""
        ...


class DeadLetters(Protocol):
    """The dead letters, for people."""

    async def list(
        self, *, source: str | None, reason: str | None, open_only: bool, limit: int
    ) -> Sequence[StoredDeadLetter]:
        """The newest first."""
        ...

    async def get(self, letter_id: str) -> StoredDeadLetter | None:
        """One of them, by its id or an unambiguous beginning of it."""
        ...

    async def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep these too, unless they are there already."""
        ...

    async def redriven(self, letter_id: str) -> None:
        """Its part could be translated."""
        ...

    async def failed_again(self, letter_id: str, *, reason: str, detail: str) -> None:
        """Its part still can't be translated, now for this reason."""
        ...

    async def delete_before(self, instant: datetime) -> int:
        """Delete what was first seen before; how many."""
        ...


class Spool(Protocol):
    """Requests that wait, on this machine's disk, until the stream takes them. In order; each acknowledged once."""

    @property
    def pending(self) -> int:
        """How many wait, those whose writing is under way included."""
        ...

    async def put(self, record: Record) -> None:
        """Returns once the record is safe on disk. Raises `SpoolFull`."""
        ...

    async def wait_pending(self) -> None:
        """Return once something waits on disk."""
        ...

    async def peek(self, *, most_records: int, most_bytes: int) -> Sequence[Record]:
        """The oldest that are safe on disk, in order; at least one if there is any."""
        ...

    async def remove(self, count: int) -> None:
        """Forget the oldest `count`: the stream has them."""
        ...

    async def put_aside(self, record: Record) -> None:
        """Move the oldest, `record`, out of the way: the stream will never take it."""
        ...
