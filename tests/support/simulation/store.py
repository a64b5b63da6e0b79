"""The `Store` port on the simulated database, as one process reaches it: answers may be late, lost, or never come."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sla_engine.application.dossier import Dossier
from sla_engine.application.ports import Behind, Claim, Commit, Fenced, StoreUnavailable, Unstorable
from sla_engine.domain.editions import Editions
from tests.support.simulation.chance import Chance
from tests.support.simulation.database import Database
from tests.support.simulation.loop import RUNNER, VirtualLoop
from tests.support.simulation.process import Process

T = TypeVar("T")
Committed = Callable[[Process, Commit, Mapping[str, int]], None]
"""Told of every commit that was applied, at the instant of it."""


@dataclass(kw_only=True, slots=True)
class StoreFaults:
    """Probabilities per call."""

    unavailable: float = 0.0
    answer_lost: float = 0.0
    """Of a commit: it is applied, at once or later, and the process is told that the database gave up."""
    killed_at_commit: float = 0.0
    """The process dies while the answer to its commit is on its way."""

    def cease(self) -> None:
        """Nothing goes wrong any more."""
        self.unavailable = self.answer_lost = self.killed_at_commit = 0.0


class SimulatedStore:
    """One process's pool."""

    def __init__(
        self,
        *,
        database: Database,
        process: Process,
        loop: VirtualLoop,
        chance: Chance,
        faults: StoreFaults,
        committed: Committed,
    ) -> None:
        self._database = database
        self._process = process
        self._loop = loop
        self._chance = chance
        self._faults = faults
        self._committed = committed

    async def claim(self, partition: int, *, owner: str) -> Claim:
        """As the port says. The claim may stand although its answer is lost."""
        assert owner == self._process.name
        return await self._ask("claim", lambda: self._database.claim(partition))

    async def load(self, keys: Sequence[str]) -> Mapping[str, Dossier]:
        """As the port says."""
        ids = self._database.tables.ids
        return await self._ask("load", lambda: {key: self._database.dossier(ids[key]) for key in keys if key in ids})

    async def load_by_id(self, leads: Sequence[int]) -> Sequence[Dossier]:
        """As the port says."""
        known = self._database.tables.leads
        found = await self._ask("load", lambda: [self._database.dossier(lead) for lead in leads if lead in known])
        return self._chance.shuffled(found)

    async def wakeups(self, partition: int, *, from_us: int, to_us: int, limit: int) -> Sequence[tuple[int, int]]:
        """As the port says."""
        return await self._ask("wakeups", lambda: self._database.wakeups(partition, from_us, to_us, limit))

    async def open_leads(
        self, partition: int, *, after: int, limit: int, windows: Sequence[tuple[int, int]] = ()
    ) -> Sequence[int]:
        """As the port says."""
        return await self._ask("open_leads", lambda: self._database.open_leads(partition, after, limit, windows))

    async def editions(self) -> Editions | None:
        """As the port `Archive` says."""
        return await self._ask("editions", lambda: self._database.editions)

    async def commit(self, commit: Commit) -> Mapping[str, int]:
        """As the port says. Once sent it is the server's: it is applied, or fenced, whoever still waits for it."""
        self._process.reaches("commit begun")
        await self._way()
        answer: asyncio.Future[Mapping[str, int] | Exception] = self._loop.create_future()
        answer_lost = self._chance.happens(self._faults.answer_lost)
        delay = self._chance.latency() * (10 if answer_lost else 1)
        self._in_the_world(delay, lambda: self._apply(commit, answer))
        self._process.reaches("commit sent")
        if self._chance.happens(self._faults.killed_at_commit):
            self._process.dies_in = self._chance.whole(0, 3)
        if answer_lost:
            await self._way()
            raise StoreUnavailable("the connection broke while the commit was under way")
        outcome = await answer
        self._process.reaches("commit answered")
        if isinstance(outcome, Exception):
            raise outcome
        await self._way()
        return outcome

    def _apply(self, commit: Commit, answer: "asyncio.Future[Mapping[str, int] | Exception]") -> None:
        try:
            ids = self._database.apply(commit)
        except (Fenced, Behind, Unstorable, StoreUnavailable) as error:
            answer.set_result(error)
            return
        self._committed(self._process, commit, ids)
        self._process.reaches("commit applied")
        answer.set_result(ids)

    def _in_the_world(self, delay: float, action: Callable[[], None]) -> None:
        """What the server does, whatever becomes of the process."""
        token = RUNNER.set(None)
        try:
            self._loop.call_later(delay, action)
        finally:
            RUNNER.reset(token)

    async def _ask(self, name: str, question: Callable[[], T]) -> T:
        self._process.reaches(f"{name} asked")
        await self._way()
        answer = question()
        self._process.reaches(f"{name} answered")
        await self._way()
        return answer

    async def _way(self) -> None:
        """To the server or back."""
        await asyncio.sleep(self._chance.latency())
        away = self._process.machine.no_database_until > self._loop.time()
        if away or self._chance.happens(self._faults.unavailable):
            raise StoreUnavailable("the database does not answer")
