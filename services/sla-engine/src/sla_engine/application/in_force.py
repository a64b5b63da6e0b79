"""The agreement in force: which editions this process knows, and how it comes to know more."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from shared.logs import get_logger
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.editions import Editions, OpenChoice
from sla_engine.domain.history import History

logger = get_logger(__name__)


class Overtaken(Exception):  # noqa: N818 - it says what happened
    """Another edition was applied meanwhile; nothing was stored."""

    def __init__(self, newest: str) -> None:
        super().__init__(f"another edition was applied meanwhile: {newest}. Look again at what would change")
        self.newest = newest


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement that may become an edition: as it is written, and as the engine uses it."""

    content: str
    agreement: Agreement


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """An edition as people are told of it."""

    number: int
    version: str
    open: OpenChoice
    applied_at: datetime
    applied_by: str


class Archive(Protocol):
    """Where editions are kept. Every call may raise `ports.StoreUnavailable`."""

    async def editions(self) -> Editions | None:
        """All editions; None: nothing was ever applied."""
        ...

    async def listed(self) -> Sequence[Applied]:
        """All editions, newest first, without their content."""
        ...

    async def progress(self) -> Mapping[str | None, int]:
        """Under which edition, by its mark, the open leads of how many partitions were last judged."""
        ...

    def concerned(self, windows: Iterable[tuple[int, int]]) -> AsyncIterator[Sequence[History]]:
        """In batches, the leads with a promise that is open, or that ran in one of the windows."""
        ...

    async def apply(self, draft: Draft, *, open_: OpenChoice, by: str, after: int) -> Applied:
        """Make the draft the newest edition, from this instant on, where edition `after` is the newest (0: none).

        Once it returns, no owner of a partition that does not know it can commit anything. Raises `Overtaken`.
        """
        ...


class InForce:
    """The editions that this process judges by. Only ever grows."""

    def __init__(self, editions: Editions, archive: Archive | None = None) -> None:
        """Without an archive nothing is ever added: for paper and tests."""
        self.editions = editions
        self._archive = archive
        self._listeners: list[Callable[[Agreement], None]] = []

    @classmethod
    def only(cls, agreement: Agreement) -> "InForce":
        """One edition for ever."""
        return cls(Editions.only(agreement))

    @property
    def agreement(self) -> Agreement:
        """The newest."""
        return self.editions.newest.agreement

    def when_new(self, listener: Callable[[Agreement], None]) -> None:
        """Call it with each agreement that becomes the newest from now on."""
        self._listeners.append(listener)

    async def renew(self) -> bool:
        """Take in what was applied meanwhile; whether there was anything. May raise `ports.StoreUnavailable`."""
        found = None if self._archive is None else await self._archive.editions()
        if found is None or found.newest.number <= self.editions.newest.number:
            return False
        self.editions = found
        logger.info("agreement_in_force", version=found.newest.version, edition=found.newest.number)
        for listener in self._listeners:
            listener(found.newest.agreement)
        return True


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the file at a start. `stale`: it is an older edition's, and was not applied."""

    editions: Editions
    applied: Applied | None = None
    stale: bool = False


async def settle_at_start(archive: Archive, draft: Draft, *, open_: OpenChoice, by: str) -> Standing:
    """Apply the file where its content was never applied before. Of several processes that start at once, one does."""
    while True:
        editions = await archive.editions()
        if editions is not None and draft.agreement.version == editions.newest.version:
            return Standing(editions=editions)
        if editions is not None and _replaced(draft.agreement, editions):
            return Standing(editions=editions, stale=True)
        try:
            applied = await archive.apply(
                draft, open_=open_, by=by, after=0 if editions is None else editions.newest.number
            )
        except Overtaken:
            continue
        found = await archive.editions()
        assert found is not None
        return Standing(editions=found, applied=applied)


def _replaced(agreement: Agreement, editions: Editions) -> bool:
    """Whether it is an older edition's. Calendars of absences may well say again what they said before."""
    known = any(each.version == agreement.version for each in editions.all)
    return known and _written(agreement) != _written(editions.newest.agreement)


def _written(agreement: Agreement) -> Mapping[str, object]:
    """What people wrote, without what was read for it from elsewhere."""
    elsewhere = {"absences_read"}
    return {name: said for name, said in agreement.declared.items() if name not in elsewhere}
