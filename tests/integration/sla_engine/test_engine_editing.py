"""Editing the agreement of running processes, by the command line: plan, apply, follow; two engines, and kill -9."""

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from shared.events import lead as lead_events
from shared.events.topics import LEAD_EVENTS
from shared.streams.connect import open_stream
from shared.streams.port import Record
from tests.integration.sla_engine.test_engine_process import command, environment, written
from tests.support.deployment import ServiceProcess, free_port
from tests.support.engine_stack import PACT
from tests.support.eventually import eventually
from tests.support.story_builder import MAX, Lead

pytestmark = pytest.mark.postgres


def pact_file(directory: Path, name: str, target: str) -> Path:
    path = directory / name
    path.write_text(PACT.format(target=target, settle="0s"))
    return path


@contextlib.asynccontextmanager
async def engines(database_url: str, pact: Path, count: int) -> AsyncIterator[Sequence[ServiceProcess]]:
    """Running engines of one service; what still runs at the end is stopped."""
    made = [
        ServiceProcess(
            "sla-engine",
            port=free_port(),
            environment={**environment(database_url, pact), "LEADPACT_ENGINE_BATCH_LEADS": "20"},
            directory=pact.parent,
            label=f"sla-engine-{number}",
        )
        for number in range(count)
    ]
    for each in made:
        await each.start()
    try:
        for each in made:
            await each.ready()
        yield made
    finally:
        for each in made:
            if each.alive:
                await each.stop()


async def append(database_url: str, leads: Sequence[Lead]) -> None:
    async with open_stream(None, database_url=database_url, client_id="test") as stream:
        records = [
            Record(key=event.lead.encode(), value=lead_events.encode(event)) for lead in leads for event in lead.events
        ]
        await stream.append(LEAD_EVENTS, records)


def waiting(number: int, since: datetime, *, touched: datetime | None = None) -> Lead:
    lead = Lead(key=f"crm:acc:{number}")
    lead.created(written(since), {"name": f"Ada {number}"})
    lead.stage(written(since))
    lead.owner(written(since), MAX)
    if touched is not None:
        lead.touch(written(touched))
    return lead


async def ask(database_url: str, query: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(database_url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


TARGETS = """
SELECT target_us / 60000000 AS minutes, state, count(*) FROM sla_engine.obligations
WHERE clock = 'first_touch' GROUP BY 1, 2 ORDER BY 1, 2
"""


async def until_targets(database_url: str, expected: list[tuple[object, ...]], what: str) -> None:
    async def so() -> bool:
        return await ask(database_url, TARGETS) == expected

    await eventually(so, within_seconds=40, what=what)


async def test_an_edit_is_planned_applied_and_followed_at_the_command_line(database_url: str, tmp_path: Path) -> None:
    first, second = pact_file(tmp_path, "agreement.yaml", "60m"), pact_file(tmp_path, "next.yaml", "30m")
    settings = environment(database_url, first)
    now = datetime.now(UTC)
    leads = [waiting(number, now - timedelta(minutes=5)) for number in range(3)]
    leads += [waiting(3, now - timedelta(minutes=45)), waiting(4, now, touched=now)]
    async with engines(database_url, first, 1) as [engine]:
        await append(database_url, leads)
        await until_targets(database_url, [(60, "at_risk", 1), (60, "met", 1), (60, "on_track", 3)], "all is judged")

        code, out, _ = await command(settings, "plan", str(second), "--json")
        assert code == 0
        plan = json.loads(out)
        assert (plan["edition"], plan["leads"]) == (1, 4)
        by_choice = {each["choice"]: each["clocks"]["first_touch"] for each in plan["outlooks"]}
        assert by_choice["keep"]["stays"] == 4
        assert (by_choice["recompute"]["earlier"], by_choice["recompute"]["broken"]) == (4, 1)
        code, out, _ = await command(settings, "plan", str(second))
        assert code == 0
        assert "clocks.first_touch.targets.default: 60m → 30m" in out
        assert "Ada 3 (crm:acc:3)" in out
        assert (await command(settings, "plan", str(first)))[1].count("Nothing would change") == 1

        code, _, err = await command(settings, "apply", str(second))
        assert (code, "--yes" in err) == (2, True), "without a terminal nobody can be asked"
        broken = tmp_path / "broken.yaml"
        broken.write_text(second.read_text().replace("30m", "30 parsecs"))
        code, _, err = await command(settings, "apply", str(broken), "--yes")
        assert code == 2
        assert '"30 parsecs"' in err
        assert "line " in err
        code, out, _ = await command(settings, "apply", str(second), "--open", "recompute", "--yes")
        assert code == 0
        assert "applied as edition 2" in out
        await until_targets(
            database_url, [(30, "breached", 1), (30, "on_track", 3), (60, "met", 1)], "open promises were recomputed"
        )

        async def judged() -> bool:
            return "2 of 2 partitions" in (await command(settings, "editions"))[1]

        await eventually(judged, within_seconds=30, what="every partition's open leads were judged again")
        async with httpx.AsyncClient(base_url=engine.url) as client:
            closed = (await client.get("/api/v1/leads/crm:acc:4")).json()
            moved = (await client.get("/api/v1/leads/crm:acc:1")).json()
            metrics = (await client.get("/metrics")).text
            page = (await client.get("/")).text
        versions = {each["clock"]: each["agreement_version"] for each in closed["obligations"]}
        assert versions["first_touch"] != closed["agreement_version"], "it was closed under the first edition"
        moved_to = {each["clock"]: each["agreement_version"] for each in moved["obligations"]}
        assert moved_to == {"handoff": versions["first_touch"], "first_touch": moved["agreement_version"]}
        assert f'version="{moved["agreement_version"]}"' in metrics
        assert f'version="{versions["first_touch"]}"' not in metrics
        assert moved["agreement_version"] in page
        assert (await command(settings, "explain", "crm:acc:4"))[1].count(versions["first_touch"]) == 2
        code, out, _ = await command(settings, "apply", str(second), "--yes")
        assert (code, "Nothing would change" in out) == (0, True)

        assert await engine.stop() == 0
        await engine.start()
        await engine.ready()
        words = engine.last_words()
        assert "agreement_file_is_older" in words
        assert f"sla-engine apply {first}" in words
        assert await ask(database_url, "SELECT count(*) FROM sla_engine.agreements") == [(2,)]
        code, out, _ = await command(settings, "plan", str(first), "--open", "keep")
        assert (code, "goes back to content that was applied before" in out) == (0, True)


async def test_two_engines_judge_again_also_when_one_is_killed_in_the_middle(database_url: str, tmp_path: Path) -> None:
    first, second = pact_file(tmp_path, "agreement.yaml", "60m"), pact_file(tmp_path, "next.yaml", "30m")
    now = datetime.now(UTC)
    async with engines(database_url, first, 2) as [one, two]:
        await append(database_url, [waiting(number, now - timedelta(minutes=5)) for number in range(1200)])
        await until_targets(database_url, [(60, "on_track", 1200)], "all is judged")

        code, _, err = await command(environment(database_url, first), "apply", str(second), "--yes")
        assert code == 0, err

        async def begun() -> bool:
            return await ask(database_url, TARGETS) != [(60, "on_track", 1200)]

        await eventually(begun, within_seconds=30, what="judging again has begun")
        await one.kill()
        await until_targets(database_url, [(30, "on_track", 1200)], "every open lead was judged again")
        assert await two.stop() == 0
    said = await ask(
        database_url,
        "SELECT count(*) FROM sla_engine.obligations WHERE clock = 'first_touch' AND said_transition <> 'opened'",
    )
    assert said == [(0,)], "a deadline that moved is nothing to announce"


async def test_an_edit_reaches_an_engine_that_hears_of_it_by_its_own_file_only(
    database_url: str, tmp_path: Path
) -> None:
    """A rolling deploy: the second engine starts with a new file while the first still runs with the old one."""
    first, second = pact_file(tmp_path, "agreement.yaml", "60m"), pact_file(tmp_path, "next.yaml", "30m")
    now = datetime.now(UTC)
    async with engines(database_url, first, 1) as [old]:
        await append(database_url, [waiting(number, now - timedelta(minutes=5)) for number in range(10)])
        await until_targets(database_url, [(60, "on_track", 10)], "all is judged")
        async with engines(database_url, second, 1):
            await until_targets(database_url, [(30, "on_track", 10)], "both judge by the new one")
        assert "agreement_in_force" in old.last_words()
