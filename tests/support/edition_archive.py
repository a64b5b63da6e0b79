"""Editions kept in memory, with the real interface."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime

from sla_engine.application.in_force import Applied, Draft, Overtaken
from sla_engine.domain.editions import Edition, Editions, OpenChoice
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us, to_us


class MemoryArchive:
    """Applies at the instants that `clock` gives; `leads` are those that a plan looks at."""

    def __init__(self, now: datetime, leads: Iterable[History] = ()) -> None:
        self.now = now
        self.leads = list(leads)
        self.stored: list[Edition] = []
        self.applied_by: list[str] = []

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator["MemoryArchive"]:
        yield self

    async def editions(self) -> Editions | None:
        return Editions(all=tuple(self.stored)) if self.stored else None

    async def listed(self) -> Sequence[Applied]:
        made = [self._applied(edition, by) for edition, by in zip(self.stored, self.applied_by, strict=True)]
        return made[::-1]

    async def progress(self) -> Mapping[str | None, int]:
        return {self.stored[-1].mark: 2, None: 1} if self.stored else {}

    async def concerned(self, windows: Iterable[tuple[int, int]]) -> AsyncIterator[Sequence[History]]:
        assert len(list(windows)) >= 0
        yield self.leads

    async def apply(self, draft: Draft, *, open_: OpenChoice, by: str, after: int) -> Applied:
        if after != len(self.stored):
            raise Overtaken(self.stored[-1].version if self.stored else "none")
        applied_us = to_us(self.now) + len(self.stored)
        self.stored.append(Edition(number=after + 1, agreement=draft.agreement, applied_us=applied_us, open=open_))
        self.applied_by.append(by)
        return self._applied(self.stored[-1], by)

    def _applied(self, edition: Edition, by: str) -> Applied:
        return Applied(
            number=edition.number,
            version=edition.version,
            open=edition.open,
            applied_at=from_us(edition.applied_us),
            applied_by=by,
        )
