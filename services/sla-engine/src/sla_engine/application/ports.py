"""What the use cases need of a database and of those who watch them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from sla_engine.application.advance import Step
from sla_engine.application.dossier import Dossier


class StoreUnavailable(Exception):  # noqa: N818 - it names a state that passes, not a fault
    """The database can't be reached or gave up on this transaction. Temporary: take up the work again."""


class Unstorable(Exception):  # noqa: N818 - it says what the commit is
    """The database will never take something in this commit; nothing of it was kept. Permanent."""


class Fenced(Exception):  # noqa: N818 - it says what happened to this process
    """Another process owns the partition by now; nothing of this commit was kept."""

    def __init__(self, partition: int, epoch: int) -> None:
        super().__init__(f"partition {partition} was claimed by another process after epoch {epoch}")
        self.partition = partition
        self.epoch = epoch


class Behind(Exception):  # noqa: N818 - it says how this process stands
    """An edition of the agreement was applied that this process does not know; nothing of this commit was kept."""

    def __init__(self, editions: int) -> None:
        super().__init__(f"an edition of the agreement after number {editions} was applied meanwhile")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A partition taken into ownership. `position` None: nothing was ever read.

    `through_us` is the gate as the last owner left it, `agreement` the mark of the edition under which all of the
    partition's open leads were last judged.
    """

    partition: int
    epoch: int
    position: int | None
    through_us: int
    agreement: str | None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be processed, kept whole, with the reason (closed set) and the detail (for people)."""

    offset: int
    key: bytes
    value: bytes
    reason: str
    detail: str


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction makes durable, all or nothing, if the epoch still stands."""

    partition: int
    epoch: int
    position: int | None
    """The offset to resume from; None leaves it."""
    through_us: int
    steps: Sequence[Step] = ()
    dead_letters: Sequence[DeadLetter] = ()
    agreement: str | None = None
    """Set once every open lead of the partition was judged under the edition of this mark."""
    editions: int = 0
    """The number of the newest edition by which the steps were judged."""


class Store(Protocol):
    """The engine's own database. Every call may raise `StoreUnavailable`."""

    async def claim(self, partition: int, *, owner: str) -> Claim:
        """Own the partition: from now on commits under earlier epochs fail."""
        ...

    async def load(self, keys: Sequence[str]) -> Mapping[str, Dossier]:
        """The dossiers of these leads, as far as they exist."""
        ...

    async def load_by_id(self, leads: Sequence[int]) -> Sequence[Dossier]:
        """The dossiers of these leads, in any order."""
        ...

    async def commit(self, commit: Commit) -> Mapping[str, int]:
        """Make it durable; returns the ids of leads stored for the first time.

        Raises `Fenced`, `Behind` or `Unstorable`.
        """
        ...

    async def wakeups(self, partition: int, *, from_us: int, to_us: int, limit: int) -> Sequence[tuple[int, int]]:
        """Pairs of instant and lead with `from_us` <= instant < `to_us`, oldest first."""
        ...

    async def open_leads(
        self, partition: int, *, after: int, limit: int, windows: Sequence[tuple[int, int]] = ()
    ) -> Sequence[int]:
        """Leads with a promise that is open, or that ran in one of the windows: in the order of their ids, behind
        `after`."""
        ...


class Watcher(Protocol):
    """Told what was committed, for metrics."""

    def took(self, *, types: Mapping[str, int], dead: Mapping[str, int], seconds: float) -> None:
        """A batch was committed: events by type, dead letters by reason, and how long it took."""
        ...

    def stepped(self, step: Step, *, committed_us: int) -> None:
        """One lead's step was committed."""
        ...

    def owns(self, partitions: Sequence[int]) -> None:
        """These partitions are owned now."""
        ...

    def gave_up(self, reason: str) -> None:
        """All partitions were given up before their time: `fenced` or `unavailable`."""
        ...
