"""The engine's loop on a real stream and a real database, on wall-clock time with short promises."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from shared.database import open_pool
from shared.database.migrations import upgrade
from shared.events import lead as lead_events
from shared.events import sla
from shared.events.lead import LeadEvent
from shared.events.topics import LEAD_EVENTS, SLA_EVENTS
from shared.outbox import Relay
from shared.streams.connect import open_stream
from shared.streams.port import Record, Stream
from sla_engine.adapters.outgoing import OUTBOX
from sla_engine.adapters.schema import MIGRATIONS
from sla_engine.adapters.store import PostgresStore
from sla_engine.application.engine import Engine
from sla_engine.application.in_force import InForce
from sla_engine.application.partition import Limits
from sla_engine.application.ports import Commit, StoreUnavailable
from tests.support.engine_stack import Pool, Recorder, pact
from tests.support.eventually import eventually
from tests.support.kafka_broker import KafkaBroker
from tests.support.postgres_server import BreakablePostgres
from tests.support.story_builder import MAX, Lead

pytestmark = pytest.mark.postgres

PARTITIONS = 4
SOON_SECONDS = 30.0
PACT = pact(target="1s", settle="0s")


class Failing(PostgresStore):
    """A store whose database goes away just before the first commits."""

    failures = 2

    async def commit(self, commit: Commit) -> dict[str, int]:
        if commit.steps and self.failures:
            self.failures -= 1
            raise StoreUnavailable("it went away")
        return dict(await super().commit(commit))


class World:
    """One database, one stream, and engines to start and stop."""

    def __init__(self, pool: Pool, url: str, stream: Stream) -> None:
        self.pool = pool
        self.url = url
        self.stream = stream

    @contextlib.asynccontextmanager
    async def engine(self, *, store: PostgresStore | None = None) -> AsyncIterator[tuple[Engine, Recorder]]:
        """A running engine; stopped in good order at the end."""
        recorder, stop = Recorder(), asyncio.Event()
        engine = Engine(
            stream=self.stream,
            store=store or PostgresStore(self.pool, database_url=self.url),
            in_force=InForce.only(PACT),
            watcher=recorder,
            clock=lambda: datetime.now(UTC),
            limits=Limits(),
            owner=f"engine-{id(recorder)}",
        )
        running = asyncio.create_task(engine.run(stop))
        try:
            yield engine, recorder
        finally:
            stop.set()
            await running

    async def append(self, events: Sequence[LeadEvent]) -> None:
        records = [Record(key=each.lead.encode(), value=lead_events.encode(each)) for each in events]
        await self.stream.append(LEAD_EVENTS, records)

    async def said(self) -> list[str]:
        rows = await self.pool.fetch("SELECT value FROM sla_engine.outbox ORDER BY id")
        return [f"{each.lead}.{sla.event_type(each)}" for each in (sla.decode(row["value"]) for row in rows)]

    async def until_said(self, transition: str, leads: int) -> None:
        async def enough() -> bool:
            found = [each for each in await self.said() if each.endswith(f"obligation.{transition}")]
            return len(found) >= leads

        await eventually(enough, within_seconds=SOON_SECONDS, what=f"{leads} x {transition}")


@contextlib.asynccontextmanager
async def open_world(database_url: str, stream_url: str | None) -> AsyncIterator[World]:
    await upgrade(database_url, MIGRATIONS)
    async with (
        open_pool(database_url, application_name="test") as pool,
        open_stream(stream_url, database_url=database_url, client_id="test") as stream,
    ):
        for topic in (LEAD_EVENTS, SLA_EVENTS):
            await stream.ensure_topic(topic, partitions=PARTITIONS)
        yield World(pool, database_url, stream)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with open_world(database_url, None) as made:
        yield made


def qualified(number: int) -> Lead:
    """A lead that qualified just now and belongs to a person: its first touch is due in a second."""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
    lead = Lead(key=f"crm:acc:{number}")
    lead.created(now)
    lead.stage(now)
    lead.owner(now, MAX)
    return lead


async def test_a_promise_is_opened_and_broken_by_time_alone(world: World) -> None:
    async with world.engine():
        await world.append(qualified(1).events)
        await world.until_said("breached", 1)

    said = [each for each in await world.said() if not each.endswith("at_risk")]  # on a busy machine it may be too late
    assert said == [f"crm:acc:1.obligation.{each}" for each in ("opened", "opened", "met", "breached")]
    [lateness] = await world.pool.fetch(
        "SELECT extract(epoch FROM said_at - deadline) AS seconds FROM sla_engine.obligations WHERE state = 'breached'"
    )
    assert lateness["seconds"] >= 0


async def test_announcements_reach_the_stream_keyed_by_lead_and_once(world: World) -> None:
    async with world.engine():
        await world.append(qualified(1).events)
        await world.until_said("breached", 1)
    waiting = await world.said()

    relay = Relay(OUTBOX, pool=world.pool, stream=world.stream, url=world.url)
    assert (await relay.run_once()).published == len(waiting)

    assert await world.said() == []
    assert sum((await world.stream.end_offsets(SLA_EVENTS)).values()) == len(waiting)


async def test_engines_share_the_partitions_and_none_speaks_twice(world: World) -> None:
    await share_and_speak_once(world)


@pytest.mark.kafka
async def test_so_they_do_on_kafka(database_url: str, own_kafka_broker: KafkaBroker) -> None:
    async with open_world(database_url, f"kafka://{own_kafka_broker.bootstrap}") as world:
        await share_and_speak_once(world)


async def share_and_speak_once(world: World) -> None:
    async with world.engine() as (_, first), world.engine() as (_, second):

        async def shared() -> bool:
            return sorted([*first.owned, *second.owned]) == list(range(PARTITIONS)) and bool(
                first.owned and second.owned
            )

        await eventually(shared, within_seconds=SOON_SECONDS, what="both engines own partitions")
        await world.append([event for number in range(20) for event in qualified(number).events])
        await world.until_said("breached", 20)

    said = await world.said()
    assert len(said) == len(set(said)) + 20, "each lead opens two promises; everything else is said once"
    assert first.steps
    assert second.steps


async def test_what_was_not_committed_is_read_again(world: World) -> None:
    async with world.engine(store=Failing(world.pool, database_url=world.url)) as (_, recorder):
        await world.append(qualified(1).events)
        await world.until_said("breached", 1)

    said = [each.rpartition(".")[2] for each in await world.said()]
    # A warning is given in time or not at all, and two seconds went by.
    assert [each for each in said if each != "at_risk"] == ["opened", "opened", "met", "breached"]
    assert "unavailable" in recorder.given_up


async def test_a_fenced_engine_gives_up_and_joins_again(world: World) -> None:
    async with world.engine() as (engine, recorder):

        async def owns_all() -> bool:
            return len(recorder.owned) == PARTITIONS

        await eventually(owns_all, within_seconds=SOON_SECONDS, what="it owns all partitions")
        await world.pool.execute("UPDATE sla_engine.partitions SET epoch = epoch + 1, owner = 'somebody else'")
        await world.append(qualified(1).events)
        await world.until_said("opened", 2)
        assert engine.joined

    assert "fenced" in recorder.given_up


async def test_a_stop_is_quick_and_a_restart_goes_on_where_it_was(world: World) -> None:
    async with world.engine():
        await world.append(qualified(1).events)
        await world.until_said("opened", 2)
    before = await world.pool.fetch("SELECT partition, position FROM sla_engine.partitions WHERE position > 0")
    assert sum(row["position"] for row in before) >= 3

    async with world.engine():
        await world.until_said("breached", 1)

    said = await world.said()
    assert len([each for each in said if each.endswith("opened")]) == 2


async def test_a_database_that_is_gone_is_waited_out(breakable_postgres: BreakablePostgres) -> None:
    """Its errors become `StoreUnavailable`, and the same store works again once the server is back."""
    await upgrade(breakable_postgres.url, MIGRATIONS)
    async with open_pool(breakable_postgres.url, application_name="test") as pool:
        store = PostgresStore(pool, database_url=breakable_postgres.url)
        assert (await store.claim(0, owner="test")).epoch == 1
        await breakable_postgres.kill()
        with pytest.raises(StoreUnavailable):
            await store.commit(Commit(partition=0, epoch=1, position=1, through_us=0))
        with pytest.raises(StoreUnavailable):
            await store.claim(0, owner="test")
        await breakable_postgres.start()
        assert (await store.claim(0, owner="test")).epoch == 2
