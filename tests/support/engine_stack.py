"""The engine's parts on a real database, driven by hand on virtual time: batches are given, the clock is moved."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg

from shared.database import open_pool
from shared.database.migrations import upgrade
from shared.events import lead as lead_events
from shared.events import sla
from shared.events.lead import LeadEvent
from shared.events.sla import AnySlaEvent
from shared.streams.port import Fetch, StoredRecord
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.adapters.edition_store import PostgresArchive
from sla_engine.adapters.reader import PostgresReader
from sla_engine.adapters.schema import MIGRATIONS
from sla_engine.adapters.store import PostgresStore
from sla_engine.application.advance import Step
from sla_engine.application.in_force import InForce
from sla_engine.application.partition import Limits, Partition
from sla_engine.domain.agreement import Agreement

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


PACT = """
agreement: {{name: Test agreement, version: 1, timezone: UTC}}
parties:
  marketing: {{name: Marketing, team: Campaigns}}
  sales: {{name: Sales, team: Inside sales}}
people:
  - {{name: Max Muster, id: max, crm: ["u-max"]}}
  - {{name: Eva Example, id: eva, crm: ["u-eva"]}}
teams:
  - {{name: Inside sales, members: [max, eva], manager: max, queues: [q-inbound]}}
  - {{name: Campaigns, manager: eva}}
calendars:
  nonstop: {{week: {{daily: "00:00-24:00"}}}}
clocks:
  handoff: {{targets: {{default: {target}}}, settle: {settle}, warnings: ["75%"]}}
  first_touch: {{targets: {{default: {target}}}, settle: {settle}, warnings: ["75%"]}}
"""


def pact(*, target: str = "1h", settle: str = "30s") -> Agreement:
    """Both clocks with one target, around the clock."""
    return parse_agreement(PACT.format(target=target, settle=settle))


@dataclass
class Recorder:
    """A watcher that remembers."""

    types: dict[str, int] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    owned: list[int] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    def took(self, *, types: Mapping[str, int], dead: Mapping[str, int], seconds: float) -> None:
        assert seconds >= 0
        for counts, kept in ((types, self.types), (dead, self.dead)):
            for name, count in counts.items():
                kept[name] = kept.get(name, 0) + count

    def stepped(self, step: Step, *, committed_us: int) -> None:
        assert committed_us > 0
        self.steps.append(step)

    def owns(self, partitions: Sequence[int]) -> None:
        self.owned = list(partitions)

    def gave_up(self, reason: str) -> None:
        self.given_up.append(reason)


@dataclass
class Bench:
    """One database, any number of owners in turn. `now` is the wall clock of all of them."""

    pool: Pool
    url: str
    agreement: Agreement
    now: datetime
    watcher: Recorder = field(default_factory=Recorder)
    limits: Limits = field(default_factory=Limits)
    log: dict[int, list[StoredRecord]] = field(default_factory=dict)

    @property
    def store(self) -> PostgresStore:
        return PostgresStore(self.pool, database_url=self.url)

    @property
    def reader(self) -> PostgresReader:
        return PostgresReader(self.pool, database_url=self.url)

    @property
    def in_force(self) -> InForce:
        """The bench's agreement and no other."""
        return InForce.only(self.agreement)

    @property
    def archive(self) -> PostgresArchive:
        """Where editions are kept."""
        return PostgresArchive(self.pool, database_url=self.url)

    async def own(self, partition: int = 0, *, in_force: InForce | None = None) -> Partition:
        """A new owner of a partition, as after a start or a rebalance."""
        claim = await self.store.claim(partition, owner="test")
        owned = Partition(
            claim,
            store=self.store,
            in_force=in_force or self.in_force,
            watcher=self.watcher,
            clock=lambda: self.now,
            limits=self.limits,
        )
        await owned.load_horizon()
        return owned

    def append(self, *events: LeadEvent | bytes, partition: int = 0) -> None:
        """Put events (or what is none) on the partition's log."""
        log = self.log.setdefault(partition, [])
        for event in events:
            value = event if isinstance(event, bytes) else lead_events.encode(event)
            key = b"?" if isinstance(event, bytes) else event.lead.encode()
            log.append(StoredRecord(offset=len(log), key=key, value=value, headers=(), appended_at=self.now))

    def fetch(self, owned: Partition, *, most: int = 1_000_000) -> Fetch:
        """What a look at the log gives now: its gate is open only where the end was reached."""
        log = self.log.get(owned.number, [])
        start = owned.position or 0
        position = min(start + most, len(log))
        return Fetch(
            partition=owned.number,
            records=log[start:position],
            position=position,
            read_through=self.now if position == len(log) else None,
        )

    async def read(self, owned: Partition, *, most: int = 1_000_000) -> None:
        """One round of the loop: take a batch, fire what is due."""
        await owned.take(self.fetch(owned, most=most))
        while await owned.fire():
            pass

    async def pass_time(self, owned: Partition, seconds: float, *, step_seconds: float = 10.0) -> None:
        """Let time pass, looking at the log and firing as the loop would."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now = min(self.now + timedelta(seconds=step_seconds), end)
            await self.read(owned)

    async def said(self) -> list[AnySlaEvent]:
        """Everything announced of promises, in the order in which it stands in the outbox."""
        rows = await self.pool.fetch("SELECT value FROM sla_engine.outbox WHERE topic = 'sla.events' ORDER BY id")
        found = [sla.decode_any(row["value"]) for row in rows]
        return [each for each in found if not isinstance(each, sla.LeadForgotten)]

    async def types(self) -> list[str]:
        """The announcements as `clock.transition`."""
        return [f"{each.clock}.{sla.event_type(each).removeprefix('obligation.')}" for each in await self.said()]

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """A question to the database."""
        return [dict(row) for row in await self.pool.fetch(query, *arguments)]


@contextlib.asynccontextmanager
async def open_bench(
    database_url: str, agreement: Agreement, *, now: datetime, migrate: bool = True
) -> AsyncIterator[Bench]:
    """The engine's schema in an empty database."""
    assert now.tzinfo is UTC
    if migrate:
        await upgrade(database_url, MIGRATIONS)
    async with open_pool(database_url, application_name="test") as pool:
        yield Bench(pool=pool, url=database_url, agreement=agreement, now=now)
