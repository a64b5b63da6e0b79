"""`sla-engine` as a process: how it ends when told wrongly, and what it shows when told well."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from shared.events import lead as lead_events
from shared.events.lead import LeadEvent
from shared.events.topics import LEAD_EVENTS
from shared.streams.connect import open_stream
from shared.streams.port import Record
from sla_engine.adapters.schema import MIGRATIONS
from sla_engine.domain.announced import Announced, Transition
from tests.support.deployment import ServiceProcess, free_port
from tests.support.engine_stack import PACT
from tests.support.eventually import eventually
from tests.support.story_builder import MAX, Lead

pytestmark = pytest.mark.postgres


def environment(database_url: str, agreement: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEADPACT_")}
    return {
        **inherited,
        "LEADPACT_DATABASE_URL": database_url,
        "LEADPACT_ENGINE_AGREEMENT": str(agreement),
        "LEADPACT_STREAM_PARTITIONS": "2",
    }


async def command(settings: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Exit code and what was printed."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("sla-engine")),
        *arguments,
        env=dict(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def engine(database_url: str, tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    """A running engine with promises of two seconds."""
    pact = tmp_path / "agreement.yaml"
    pact.write_text(PACT.format(target="2s", settle="0s"))
    service = ServiceProcess(
        "sla-engine",
        port=free_port(),
        environment=environment(database_url, pact),
        directory=tmp_path,
        label="sla-engine",
    )
    await service.start()
    try:
        await service.ready()
        yield service
    finally:
        assert await service.stop() == 0


async def test_a_wrong_agreement_ends_with_2_and_names_every_fault(database_url: str, tmp_path: Path) -> None:
    pact = tmp_path / "agreement.yaml"
    pact.write_text(PACT.format(target="2d", settle="soon"))

    code, _, err = await command(environment(database_url, pact), "run")

    assert code == 2
    assert "LEADPACT_ENGINE_AGREEMENT" in err
    assert '"2d"' in err
    assert '"soon"' in err


async def test_a_database_that_is_not_there_yet_is_waited_for_and_a_stop_meanwhile_is_quick(tmp_path: Path) -> None:
    pact = tmp_path / "agreement.yaml"
    pact.write_text(PACT.format(target="2s", settle="0s"))
    nowhere = f"postgresql://nobody:secret@127.0.0.1:{free_port()}/none"
    service = ServiceProcess(
        "sla-engine", port=free_port(), environment=environment(nowhere, pact), directory=tmp_path, label="sla-engine"
    )
    await service.start()

    async def waiting() -> bool:
        return "database_awaited" in service.last_words()

    await eventually(waiting, within_seconds=20, what="it says that it waits")
    assert service.alive
    assert await service.stop() == 0
    assert "secret" not in service.last_words()


async def test_a_missing_agreement_ends_with_2(database_url: str, tmp_path: Path) -> None:
    code, _, err = await command(environment(database_url, tmp_path / "none.yaml"), "run")
    assert code == 2
    assert "none.yaml" in err


async def test_migrate_says_what_it_did(database_url: str, tmp_path: Path) -> None:
    settings = environment(database_url, tmp_path / "none.yaml")
    assert (await command(settings, "migrate"))[:2] == (0, f"applied: {', '.join(MIGRATIONS.revisions())}\n")
    assert (await command(settings, "migrate"))[:2] == (0, "the schema is up to date\n")


@pytest.mark.slow
async def test_kill_9_with_an_unread_backlog_breaks_no_promise(database_url: str, tmp_path: Path) -> None:
    """Half of the leads are called in time while the engine is dead; it comes back after every deadline."""
    pact = tmp_path / "agreement.yaml"
    pact.write_text(PACT.format(target="6s", settle="0s"))
    service = ServiceProcess(
        "sla-engine",
        port=free_port(),
        environment=environment(database_url, pact),
        directory=tmp_path,
        label="sla-engine",
    )
    await service.start()
    await service.ready()
    async with open_stream(None, database_url=database_url, client_id="test") as stream:

        async def append(events: list[LeadEvent]) -> None:
            records = [Record(key=each.lead.encode(), value=lead_events.encode(each)) for each in events]
            await stream.append(LEAD_EVENTS, records)

        began = datetime.now(UTC)
        leads = [Lead(key=f"crm:acc:{number}") for number in range(600)]
        for lead in leads:
            lead.created(written(began))
            lead.stage(written(began))
            lead.owner(written(began), MAX)
        await append([event for lead in leads for event in lead.events])
        await service.kill()
        called = leads[::2]
        await append([lead.touch(written(began + timedelta(seconds=1))) for lead in called])

        async def overdue() -> bool:
            return datetime.now(UTC) > began + timedelta(seconds=6.5)

        await eventually(overdue, within_seconds=10, what="every deadline has passed")
        await service.start()
        try:
            await service.ready()
            async with httpx.AsyncClient(base_url=service.url) as client:

                async def all_decided() -> bool:
                    report = (await client.get("/api/v1/compliance", params={"clock": "first_touch"})).json()
                    return len(leads) == sum(int(row["met"]) + int(row["breached"]) for row in report["items"])

                await eventually(all_decided, within_seconds=30, what="every promise is decided")
        finally:
            assert await service.stop() == 0

    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT l.key, o.state, o.said_retracted FROM sla_engine.obligations o "
            "JOIN sla_engine.leads l ON l.id = o.lead WHERE o.clock = 'first_touch'"
        )
        breaches = await connection.fetch("SELECT announced FROM sla_engine.leads WHERE key = ANY($1)", keys(called))
    finally:
        await connection.close()
    kept = {row["key"] for row in rows if row["state"] == "met"}
    assert kept == set(keys(called))
    assert not any(row["said_retracted"] for row in rows)
    sayings = [
        saying for row in breaches for told in Announced.from_bytes(row["announced"]).told for saying in told.sayings
    ]
    assert Transition.BREACHED not in {saying.transition for saying in sayings}, "nobody was told of a breach"


def written(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"


def keys(leads: list[Lead]) -> list[str]:
    return [lead.key for lead in leads]


async def test_a_broken_promise_is_seen_in_the_api_the_metrics_and_at_the_command_line(
    engine: ServiceProcess, database_url: str, tmp_path: Path
) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
    lead = Lead(key="crm:acc:1")
    lead.created(now, {"name": "Ada Example"})
    lead.stage(now)
    lead.owner(now, MAX)
    async with (
        open_stream(None, database_url=database_url, client_id="test") as stream,
        httpx.AsyncClient(base_url=engine.url) as client,
    ):
        before = (await client.get("/metrics")).text
        assert 'leadpact_open_obligations{clock="first_touch",state="breached",team="Inside sales"} 0.0' in before
        assert 'window="period"' in before
        assert 'leadpact_target_seconds{clock="handoff",team="Campaigns"} 2.0' in before
        records = [Record(key=each.lead.encode(), value=lead_events.encode(each)) for each in lead.events]
        await stream.append(LEAD_EVENTS, records)

        async def broken() -> bool:
            found = (await client.get("/api/v1/obligations", params={"state": "breached"})).json()
            return bool(found["items"])

        await eventually(broken, within_seconds=20, what="the promise is broken")
        after = (await client.get("/metrics")).text

    assert 'leadpact_open_obligations{clock="first_touch",state="breached",team="Inside sales"} 1.0' in after
    assert (
        'leadpact_window_obligations{clock="first_touch",outcome="breached",team="Inside sales",window="1d"} 1.0'
        in after
    )
    assert 'leadpact_obligations_opened_total{clock="first_touch",team="Inside sales"} 1.0' in after
    assert 'leadpact_obligations_closed_total{clock="first_touch",outcome="breached",team="Inside sales"} 1.0' in after
    assert "leadpact_breach_lateness_seconds_count 1.0" in after
    assert 'leadpact_events_consumed_total{topic="lead.events",type="lead.created"} 1.0' in after
    assert "crm:acc:1" not in after, "no lead is a label"

    code, out, _ = await command(environment(database_url, tmp_path / "agreement.yaml"), "explain", "crm:acc:1")
    assert code == 0
    assert "Ada Example (crm:acc:1), owned by Max Muster" in out
    assert "First touch: breached" in out
    code, _, err = await command(environment(database_url, tmp_path / "agreement.yaml"), "explain", "crm:acc:2")
    assert (code, "crm:acc:2" in err) == (1, True)
