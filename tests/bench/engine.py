"""How fast the engine catches up: real judgement, durable, against a bare loop that consumes, decodes and upserts.

Both read the same records of the same stream in the same run, into the same durable PostgreSQL, in batches of the same
size. `python -m tests.bench.engine [events]` prints the ratio first.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import uvloop

from shared.database import open_pool
from shared.database.migrations import upgrade
from shared.events import lead as lead_events
from shared.events.envelope import Actor, ActorKind, Channel, Direction, Owner, OwnerKind, TimeSource
from shared.events.identity import identifier
from shared.events.lead import LeadAssigned, LeadCreated, LeadEvent, LeadStageChanged, TouchLogged
from shared.events.topics import LEAD_EVENTS
from shared.streams.connect import open_stream
from shared.streams.port import Fetch, Record, Stream
from sla_engine.adapters.schema import MIGRATIONS
from sla_engine.adapters.store import PostgresStore
from sla_engine.application.advance import Step
from sla_engine.application.engine import Engine
from sla_engine.application.partition import Limits
from tests.support.engine_stack import Pool, Recorder, pact
from tests.support.kafka_broker import KafkaUnavailable, any_broker
from tests.support.postgres_server import BreakablePostgres, make_open_folder, remove_run_folder

EVENTS = 60_000
EVENTS_A_LEAD = 6
LEADS_AT_ONCE = 2_000
"""Leads whose events come mixed with each other; then the next ones."""
PARTITIONS = 4
BATCH_RECORDS = 4_000
AT_ONCE = 2
APPEND_RECORDS = 2_000
NOW = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)

UPSERT = """
INSERT INTO bare (lead, type, value) SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
ON CONFLICT (lead) DO UPDATE SET type = excluded.type, value = excluded.value
"""
POSITION = """
INSERT INTO bare_positions (partition, position) VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET position = excluded.position
"""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Events a second, and CPU microseconds of this process an event, of both loops."""

    stream: str
    events: int
    engine_a_second: float
    engine_cpu_us: float
    bare_a_second: float
    bare_cpu_us: float
    announced: int

    @property
    def ratio(self) -> float:
        """The engine's rate over the bare loop's."""
        return self.engine_a_second / self.bare_a_second


def lead_story(number: int) -> list[LeadEvent]:
    """A lead as they mostly go: created, qualified, queued, assigned, planned to be called, called."""
    start = NOW + timedelta(milliseconds=20 * number)
    person = Owner(kind=OwnerKind.USER, id="u-max" if number % 2 else "u-eva", name="Max Muster")
    key = f"hubspot:4711:{number}"

    def common(step: int, seconds: float) -> dict[str, object]:
        at = start + timedelta(seconds=seconds)
        return {
            "id": identifier(key, str(step)),
            "source": "hubspot",
            "account": "4711",
            "lead": key,
            "occurred_at": at,
            "received_at": at + timedelta(seconds=1),
            "time_source": TimeSource.EVENT,
            "raw_id": identifier("raw", key, str(step)),
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        }

    def touch(step: int, seconds: float, *, completed: bool) -> LeadEvent:
        fields = common(step, seconds) | {
            "touch": f"call-{number}",
            "channel": Channel.CALL,
            "direction": Direction.OUTBOUND,
            "performed_at": start + timedelta(seconds=seconds),
            "performed_by": Actor(kind=ActorKind.USER, id=person.id),
            "completed": completed,
        }
        return TouchLogged(**fields)  # type: ignore[arg-type] # fields put together by hand

    attributes = {"name": f"Lead {number}", "company": "Example Ltd", "size": 250, "country": "DE"}
    return [
        LeadCreated(**common(0, 0), attributes=attributes),  # type: ignore[arg-type] # same
        LeadStageChanged(**common(1, 1), stage="mql", raw_stage="marketingqualifiedlead"),  # type: ignore[arg-type] # same
        LeadAssigned(**common(2, 2), owner=Owner(kind=OwnerKind.QUEUE, id="q-inbound")),  # type: ignore[arg-type] # same
        LeadAssigned(**common(3, 60), owner=person),  # type: ignore[arg-type] # same
        touch(4, 120, completed=False),
        touch(5, 600 if number % 10 else 4000, completed=True),
    ]


def records(events: int) -> list[Record]:
    """The events of many leads, mixed."""
    made: list[Record] = []
    leads = events // EVENTS_A_LEAD
    for first in range(0, leads, LEADS_AT_ONCE):
        stories = [lead_story(number) for number in range(first, min(first + LEADS_AT_ONCE, leads))]
        for step in range(EVENTS_A_LEAD):
            made += [Record(key=story[step].lead.encode(), value=lead_events.encode(story[step])) for story in stories]
    return made


class Bare:
    """The loop to compare with: no judgement, no histories, one row a lead."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.positions: dict[int, int] = {}

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """From the earliest."""
        del partitions
        return {}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Nothing is kept."""

    async def drain(self, stream: Stream, ends: Mapping[int, int]) -> None:
        """Read up to the ends."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(fetch: Fetch) -> None:
            async with gate:
                await self._take(fetch)

        async with stream.subscribe(LEAD_EVENTS, group="bare", listener=self) as subscription:
            while not reached(self.positions, ends):
                fetches = await subscription.fetch(max_records=BATCH_RECORDS, timeout_seconds=0.5)
                await asyncio.gather(*(one(fetch) for fetch in fetches))

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


def reached(positions: Mapping[int, int], ends: Mapping[int, int]) -> bool:
    """Whether all was read."""
    return all(positions.get(partition, 0) >= end for partition, end in ends.items())


class Unwatched(Recorder):
    """Keeps no steps, as the service does: a heap that grows with the run is no cost of the engine's."""

    def stepped(self, step: Step, *, committed_us: int) -> None:
        """Let it go."""


async def drain_engine(pool: Pool, url: str, stream: Stream, ends: Mapping[int, int]) -> None:
    """The engine's own loop, up to the ends."""
    engine = Engine(
        stream=stream,
        store=PostgresStore(pool, database_url=url),
        agreement=pact(),
        watcher=Unwatched(),
        clock=lambda: datetime.now(UTC),
        limits=Limits(),
        owner="bench",
        fetch_records=BATCH_RECORDS,
        at_once=AT_ONCE,
    )
    async with stream.subscribe(LEAD_EVENTS, group="sla-engine", listener=engine) as subscription:
        while not reached(engine.positions, ends):
            await engine.run_once(subscription)


async def timed(work: Callable[[], "asyncio.Future[None]"]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    return time.perf_counter() - wall, time.process_time() - cpu


async def run(stream: Stream, url: str, *, name: str, events: int) -> Result:
    """Fill the stream, then drain it twice."""
    await stream.ensure_topic(LEAD_EVENTS, partitions=PARTITIONS)
    made = records(events)
    for at in range(0, len(made), APPEND_RECORDS):
        await stream.append(LEAD_EVENTS, made[at : at + APPEND_RECORDS])
    ends = await stream.end_offsets(LEAD_EVENTS)
    await upgrade(url, MIGRATIONS)
    async with open_pool(url, application_name="bench", max_size=AT_ONCE + 2) as pool:
        await pool.execute("CREATE TABLE bare (lead text PRIMARY KEY, type text, value bytea) WITH (fillfactor = 80)")
        await pool.execute("CREATE TABLE bare_positions (partition int PRIMARY KEY, position bigint)")
        bare_wall, bare_cpu = await timed(lambda: asyncio.ensure_future(Bare(pool).drain(stream, ends)))
        wall, cpu = await timed(lambda: asyncio.ensure_future(drain_engine(pool, url, stream, ends)))
        announced = await pool.fetchval("SELECT count(*) FROM sla_engine.outbox")
        stored = await pool.fetchval("SELECT count(*) FROM sla_engine.leads")
        assert stored == len(made) // EVENTS_A_LEAD, "every lead is stored"
    count = len(made)
    return Result(
        stream=name,
        events=count,
        engine_a_second=count / wall,
        engine_cpu_us=cpu / count * 1e6,
        bare_a_second=count / bare_wall,
        bare_cpu_us=bare_cpu / count * 1e6,
        announced=announced,
    )


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[tuple[Stream, str, str]]:
    """A stream on Kafka where a broker can be had, else the log in PostgreSQL; and a durable database."""
    folder = make_open_folder("leadpact-bench-")
    server = BreakablePostgres(folder)
    await server.start()
    try:
        with contextlib.ExitStack() as stack:
            name, address = "Apache Kafka", None
            try:
                broker = await asyncio.to_thread(stack.enter_context, any_broker())
                address = f"kafka://{broker.bootstrap}"
            except KafkaUnavailable as reason:
                name = f"the log in PostgreSQL (no Kafka: {reason})"
            async with open_stream(address, database_url=server.url, client_id="bench") as stream:
                yield stream, server.url, name
    finally:
        await server.kill()
        remove_run_folder(folder)


async def measured(events: int = EVENTS) -> Result:
    """One run on a stream and a database of its own."""
    async with opened() as (stream, url, name):
        return await run(stream, url, name=name, events=events)


def measure(events: int = EVENTS) -> Result:
    """One run, for other programs."""
    return uvloop.run(measured(events))


def main() -> None:
    """Print one run."""
    result = measure(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
    print(f"engine / bare loop: {result.ratio:.2f} (events a second, same run, {os.cpu_count()} cores)")
    print(f"stream: {result.stream}; {result.events} events of {result.events // EVENTS_A_LEAD} leads")
    print(f"engine: {result.engine_a_second:,.0f} events/s, {result.engine_cpu_us:.1f} µs CPU an event, durable, ")
    print(f"        judged, {result.announced} announcements in the outbox")
    print(f"bare:   {result.bare_a_second:,.0f} events/s, {result.bare_cpu_us:.1f} µs CPU an event")


if __name__ == "__main__":
    main()
