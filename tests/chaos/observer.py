"""Reads what a run left behind: the two logs, and what the engines filed in the database."""

import asyncio
import datetime as dt
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import uuid4

import asyncpg

from shared.events import lead, sla
from shared.events.topics import LEAD_EVENTS, SLA_EVENTS
from shared.streams.port import Fetch, StoredRecord, Stream, StreamUnavailable, Subscription
from tests.chaos.checker import AT_RISK, Findings, Logged, Published, Standing, long_after
from tests.chaos.promises import Filed, Promises
from tests.support.eventually import eventually

READ_SECONDS = 60.0
LOOK_SECONDS = 1.0
FILED = """
SELECT l.key, o.clock, o.cycle, o.state, o.started_at, o.deadline, o.stopped_at
FROM sla_engine.obligations o JOIN sla_engine.leads l ON l.id = o.lead WHERE o.state <> 'withdrawn'
"""


class _FromTheBeginning:
    """A listener that reads each partition from its first record."""

    async def assigned(self, _partitions: Sequence[int]) -> Mapping[int, int]:
        return {}

    async def revoked(self, _partitions: Sequence[int]) -> None:
        pass


async def read_log(stream: Stream, acknowledged: Mapping[str, dt.datetime]) -> dict[str, list[Logged]]:
    """All of `lead.events`, by lead. Every event was acknowledged."""
    expected = sum((await stream.end_offsets(LEAD_EVENTS)).values())
    found: dict[tuple[int, int], StoredRecord] = {}
    listener = _FromTheBeginning()
    async with (
        asyncio.timeout(READ_SECONDS),
        stream.subscribe(LEAD_EVENTS, group=f"chaos-{uuid4()}", listener=listener) as log,
    ):
        while len(found) < expected:
            for fetch in await log.fetch(max_records=5000, timeout_seconds=1.0):
                found |= {(fetch.partition, record.offset): record for record in fetch.records}
    by_lead: dict[str, list[Logged]] = defaultdict(list)
    for _, record in sorted(found.items()):
        event = lead.decode(record.value)
        by_lead[event.lead].append(
            Logged(event=event, appended_at=record.appended_at, acknowledged_at=acknowledged[event.id])
        )
    return by_lead


class Announcements:
    """Reads `sla.events` until exactly what the oracle expects stands there."""

    def __init__(self, promises: Promises, log: Mapping[str, Sequence[Logged]]) -> None:
        self.records: list[Published] = []
        self.standing = Standing()
        self._known: set[tuple[int, int]] = set()
        self._true = {
            lead: promises.facts((each.event for each in records), long_after(records)) for lead, records in log.items()
        }
        self._unsettled = set(self._true)

    async def read_until_settled(self, stream: Stream, *, patience_seconds: float) -> bool:
        """Whether it stood there; False when nothing new came for so long. What is there was read either way."""
        deadline = time.monotonic() + patience_seconds
        async with stream.subscribe(SLA_EVENTS, group=f"chaos-{uuid4()}", listener=_FromTheBeginning()) as log:
            while time.monotonic() < deadline:
                if self._read(await self._fetch(log)):
                    deadline = time.monotonic() + patience_seconds
                if self._settled():
                    return True
        return False

    def _settled(self) -> bool:
        """Looks again at what was settled only when all of the rest is: it may have changed."""
        self._unsettled = {lead for lead in self._unsettled if not self._agrees(lead)}
        if not self._unsettled:
            self._unsettled = {lead for lead in self._true if not self._agrees(lead)}
        return not self._unsettled

    def _agrees(self, lead: str) -> bool:
        """Warnings are given in time or not at all."""
        true, stands = self._true[lead], set(self.standing.facts.get(lead, {}).values())
        return stands <= true and all(fact in stands or fact.word == AT_RISK for fact in true)

    async def read_rest(self, stream: Stream) -> None:
        """Whatever else is there by now."""
        end = sum((await stream.end_offsets(SLA_EVENTS)).values())
        async with (
            asyncio.timeout(READ_SECONDS),
            stream.subscribe(SLA_EVENTS, group=f"chaos-{uuid4()}", listener=_FromTheBeginning()) as log,
        ):
            while len(self._known) < end:
                self._read(await self._fetch(log))

    async def _fetch(self, log: Subscription) -> Sequence[Fetch]:
        try:
            return await log.fetch(max_records=5000, timeout_seconds=LOOK_SECONDS)
        except StreamUnavailable:
            await asyncio.sleep(0.2)
            return ()

    def _read(self, fetches: Sequence[Fetch]) -> int:
        """How much of it was new."""
        before = len(self._known)
        for fetch in fetches:
            for record in fetch.records:
                place = (fetch.partition, record.offset)
                if place not in self._known:
                    self._known.add(place)
                    published = Published(value=record.value, event=sla.decode(record.value))
                    self.records.append(published)
                    self.standing.read(published)
        return len(self._known) - before


async def settled(database_url: str, *, within_seconds: float) -> None:
    """Wait until nothing waits to be published."""
    connection = await asyncpg.connect(database_url)
    try:

        async def empty() -> bool:
            return not await connection.fetchval("SELECT count(*) FROM sla_engine.outbox")

        await eventually(empty, within_seconds=within_seconds, what="an empty outbox")
    finally:
        await connection.close()


async def compare_database(
    database_url: str, promises: Promises, log: Mapping[str, Sequence[Logged]], findings: Findings
) -> None:
    """What is filed must be what the oracle says; nothing may have been put aside."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(FILED)
        letters = await connection.fetch("SELECT reason, detail FROM sla_engine.dead_letters")
    finally:
        await connection.close()
    findings.lost += [f"put aside: {each['reason']}: {each['detail']}" for each in letters]
    filed: dict[str, dict[tuple[str, int], Filed]] = defaultdict(dict)
    for row in rows:
        filed[row["key"]][row["clock"], row["cycle"]] = Filed(
            state=row["state"], started=row["started_at"], deadline=row["deadline"], stopped=row["stopped_at"]
        )
    for each, records in log.items():
        expected = promises.filed((record.event for record in records), long_after(records))
        for run in expected.keys() | filed[each].keys():
            one, other = expected.get(run), filed[each].get(run)
            if one is None:
                findings.false.append(f"{each} {run}: filed as {other}, denied by the oracle")
            elif other is None:
                findings.lost.append(f"{each} {run}: not filed; by the oracle {one}")
            elif one != other:
                findings.false.append(f"{each} {run}: filed as {other}, by the oracle {one}")
