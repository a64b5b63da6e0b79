"""How fast the engine catches up: real judgement, durable, against a bare loop that consumes, decodes and upserts.

Both read the same records of the same stream in the same run, into the same durable PostgreSQL, in batches of the same
size, in the same number of processes. `python -m tests.bench.engine [events] [processes]` prints the ratio first.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import uvloop

from shared.database import open_pool
from shared.database.migrations import upgrade
from shared.events import lead as lead_events
from shared.events.topics import LEAD_EVENTS
from shared.streams.connect import open_stream
from shared.streams.port import Fetch, Stream, Subscription
from sla_engine.adapters.schema import MIGRATIONS
from sla_engine.adapters.store import PostgresStore
from sla_engine.application.advance import Step
from sla_engine.application.engine import Engine
from sla_engine.application.in_force import InForce
from sla_engine.application.pace import Pace
from sla_engine.application.partition import Limits
from sla_engine.main.collecting import settle_collector
from tests.bench.rig import Cost, Rig, measuring, opened
from tests.bench.stories import EVENTS_A_LEAD, LEADS_AT_ONCE, records
from tests.support.engine_stack import Pool, Recorder, pact

EVENTS = 240_000
PARTITIONS = 4
BATCH_RECORDS = 32_000
AT_ONCE = 3
APPEND_RECORDS = 2_000
LOOK_SECONDS = 0.2

UPSERT = """
INSERT INTO bare (lead, type, value) SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
ON CONFLICT (lead) DO UPDATE SET type = excluded.type, value = excluded.value
"""
POSITION = """
INSERT INTO bare_positions (partition, position) VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET position = excluded.position
"""
TABLES = (
    "CREATE TABLE bare (lead text PRIMARY KEY, type text, value bytea) WITH (fillfactor = 80)",
    "CREATE TABLE bare_positions (partition int PRIMARY KEY, position bigint)",
)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told to do: which loop, and how many partitions are its share."""

    loop: str
    stream_url: str | None
    database_url: str
    share: int
    batch_records: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """What both loops cost an event, in microseconds."""

    stream: str
    events: int
    processes: int
    engine: Cost
    bare: Cost
    announced: int

    @property
    def ratio(self) -> float:
        """The engine's rate over the bare loop's."""
        return self.bare.wall / self.engine.wall


class Bare:
    """The loop to compare with: no judgement, no histories, one row a lead."""

    def __init__(self, pool: Pool, batch_records: int) -> None:
        self._pool = pool
        self._pace = Pace(batch_records)
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self.positions: dict[int, int] = {}

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """From the earliest."""
        self.positions |= dict.fromkeys(partitions, 0)
        return {}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Nothing of them is kept."""
        self.positions = {number: at for number, at in self.positions.items() if number not in partitions}

    async def run_once(self, subscription: Subscription) -> None:
        """One round, as the engine makes it."""
        fetches = await subscription.fetch(max_records=self._pace.records, timeout_seconds=LOOK_SECONDS)
        self._pace.brought(sum(len(fetch.records) for fetch in fetches))
        await asyncio.gather(*(self._turn(fetch) for fetch in fetches))

    async def _turn(self, fetch: Fetch) -> None:
        async with self._at_once:
            await self._take(fetch)

    async def _take(self, fetch: Fetch) -> None:
        latest = {}
        for record in fetch.records:
            event = lead_events.decode(record.value)
            latest[event.lead] = (event.lead, lead_events.event_type(event), record.value)
        async with self._pool.acquire() as connection, connection.transaction():
            if latest:
                await connection.execute(UPSERT, *(list(column) for column in zip(*latest.values(), strict=True)))
            await connection.execute(POSITION, fetch.partition, fetch.position)
        self.positions[fetch.partition] = fetch.position


class Unwatched(Recorder):
    """Keeps no steps, as the service does: a heap that grows with the run is no cost of the engine's."""

    def stepped(self, step: Step, *, committed_us: int) -> None:
        """Let it go."""


def make_engine(pool: Pool, url: str, stream: Stream, *, batch_records: int = BATCH_RECORDS) -> Engine:
    """The engine as the service makes it, unwatched."""
    return Engine(
        stream=stream,
        store=PostgresStore(pool, database_url=url),
        in_force=InForce.only(pact()),
        watcher=Unwatched(),
        clock=lambda: datetime.now(UTC),
        limits=Limits(),
        owner=f"bench-{os.getpid()}",
        fetch_records=batch_records,
        at_once=AT_ONCE,
    )


async def obey(order: Order) -> None:
    """Join with the stream still empty, say so, and wait for the ends to read to; say when they are reached."""
    settle_collector()
    async with (
        open_stream(order.stream_url, database_url=order.database_url, client_id="bench") as stream,
        open_pool(order.database_url, application_name="bench", max_size=AT_ONCE + 2) as pool,
    ):
        loop: Engine | Bare = Bare(pool, order.batch_records)
        if order.loop == "engine":
            loop = make_engine(pool, order.database_url, stream, batch_records=order.batch_records)
        async with stream.subscribe(LEAD_EVENTS, group=order.loop, listener=loop) as subscription:
            while len(loop.positions) != order.share:
                await loop.run_once(subscription)
            print("joined", flush=True)
            ends = msgspec.json.decode(await asyncio.to_thread(sys.stdin.readline), type=dict[int, int])
            while any(position < ends[partition] for partition, position in loop.positions.items()):
                await loop.run_once(subscription)
            print("done", flush=True)
            await asyncio.to_thread(sys.stdin.readline)


class Crew:
    """The processes of one loop."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._processes: list[asyncio.subprocess.Process] = []

    async def join(self, count: int) -> None:
        """Start them; returns once each has its share of the partitions."""
        argument = msgspec.json.encode(self._order).decode()
        for _ in range(count):
            self._processes.append(
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.bench.engine", "obey", argument),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                )
            )
        await self._all_say(b"joined")

    async def drain(self, rig: Rig, ends: Mapping[int, int]) -> Cost:
        """What it costs to read everything, and then let them go."""
        with measuring(rig, [each.pid for each in self._processes]) as costs:
            self._tell(msgspec.json.encode(ends))
            await self._all_say(b"done")
        self._tell(b"")
        codes = await asyncio.gather(*(each.wait() for each in self._processes))
        assert not any(codes), f"the processes ended with {codes}"
        return costs[0]

    def _tell(self, line: bytes) -> None:
        for each in self._processes:
            assert each.stdin is not None
            each.stdin.write(line + b"\n")

    async def _all_say(self, word: bytes) -> None:
        await asyncio.gather(*(_says(each, word) for each in self._processes))


async def _says(process: asyncio.subprocess.Process, word: bytes) -> None:
    assert process.stdout is not None
    while (line := await process.stdout.readline()).strip() != word:
        assert line, f"a process ended before it said {word.decode()}"


async def fill(stream: Stream, events: int, *, mixed: int = LEADS_AT_ONCE) -> dict[int, int]:
    """Put the events on the stream; where its partitions end then."""
    made = records(events, mixed=mixed)
    for at in range(0, len(made), APPEND_RECORDS):
        await stream.append(LEAD_EVENTS, made[at : at + APPEND_RECORDS])
    return dict(await stream.end_offsets(LEAD_EVENTS))


async def measured(
    events: int = EVENTS,
    *,
    processes: int = 1,
    batch_records: int = BATCH_RECORDS,
    mixed: int = LEADS_AT_ONCE,
    partitions: int = PARTITIONS,
) -> Result:
    """One run on a stream and a database of its own."""
    events -= events % EVENTS_A_LEAD
    async with opened() as rig:
        await rig.stream.ensure_topic(LEAD_EVENTS, partitions=partitions)
        await upgrade(rig.database_url, MIGRATIONS)
        async with open_pool(rig.database_url, application_name="bench", max_size=2) as pool:
            for statement in TABLES:
                await pool.execute(statement)
            crews = {
                loop: Crew(
                    Order(
                        loop=loop,
                        stream_url=rig.stream_url,
                        database_url=rig.database_url,
                        share=partitions // processes,
                        batch_records=batch_records,
                    )
                )
                for loop in ("bare", "engine")
            }
            for crew in crews.values():
                await crew.join(processes)
            ends = await fill(rig.stream, events, mixed=mixed)
            costs = {loop: await crew.drain(rig, ends) for loop, crew in crews.items()}
            announced = await pool.fetchval("SELECT count(*) FROM sla_engine.outbox")
            stored = await pool.fetchval("SELECT count(*) FROM sla_engine.leads")
            assert stored == events // EVENTS_A_LEAD, f"every lead is stored; {stored} are"
        return Result(
            stream=rig.name,
            events=events,
            processes=processes,
            engine=costs["engine"].an_event(events),
            bare=costs["bare"].an_event(events),
            announced=announced,
        )


def measure(
    events: int = EVENTS,
    *,
    processes: int = 1,
    batch_records: int = BATCH_RECORDS,
    mixed: int = LEADS_AT_ONCE,
    partitions: int = PARTITIONS,
) -> Result:
    """One run, for other programs."""
    return uvloop.run(
        measured(events, processes=processes, batch_records=batch_records, mixed=mixed, partitions=partitions)
    )


def show(result: Result) -> None:
    """Print one run, the ratio first."""
    engine, bare = result.engine, result.bare
    print(f"{result.processes} process(es): engine / bare loop {result.ratio:.2f}")
    print(f"  {result.events:,} events of {result.events // EVENTS_A_LEAD:,} leads on {result.stream}")
    for name, cost in (("engine", engine), ("bare", bare)):
        print(
            f"  {name:<7}{1e6 / cost.wall:>9,.0f} events/s; µs of processor an event: "
            f"{cost.own:.1f} own, {cost.database:.1f} database, {cost.broker:.1f} broker"
        )
    print(f"  {result.announced:,} announcements in the outbox", flush=True)


def main(arguments: Sequence[str]) -> None:
    """Print runs; or be one of their processes."""
    if arguments[:1] == ["obey"]:
        uvloop.run(obey(msgspec.json.decode(arguments[1], type=Order)))
        return
    events = int(arguments[0]) if arguments else EVENTS
    for processes in [int(arguments[1])] if len(arguments) > 1 else [1, 2]:
        show(measure(events, processes=processes))


if __name__ == "__main__":
    main(sys.argv[1:])
