"""Engines that join, leave and die share the partitions, and no verdict suffers. The times are told, not judged."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

import asyncpg
import pytest

from tests.chaos.forms import FULL, KAFKA, LOG
from tests.chaos.load import Load, now
from tests.chaos.promises import Promises
from tests.chaos.stage import PARTITIONS, Stage, open_stage
from tests.chaos.verdict import judge_run, tell
from tests.support.deployment import ServiceProcess
from tests.support.eventually import eventually
from tests.support.postgres_server import BreakablePostgres

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

SEED = 5
MOVED_WITHIN_SECONDS = 20.0
"""Twice what is promised: other processes share the machine with this one."""
BETWEEN_SECONDS = 2.0
"""How long the load goes on between two changes."""


@pytest.mark.parametrize("kafka", [KAFKA, LOG] if FULL else [KAFKA])
async def test_partitions_move_and_no_verdict_suffers(
    kafka: bool,
    tmp_path: Path,
    breakable_postgres: BreakablePostgres,
) -> None:
    promises = Promises(SEED, day=now())
    async with open_stage(tmp_path, breakable_postgres, agreement=promises.text, engines=4, kafka=kafka) as stage:
        one, two, three, four = stage.engines
        await stage.start(1)
        load = Load(stage.stream, seed=SEED, leads_a_second=10)
        over = asyncio.Event()
        telling = asyncio.create_task(load.run(over))
        try:
            await until_owned(stage, [one], "the first engine owns all")
            for joining in (two, three):
                await joining.start()
                await joining.ready()
                running = [one, two] if joining is two else [one, two, three]
                await until_owned(stage, running, f"after {joining.label} joined")
                await asyncio.sleep(BETWEEN_SECONDS)
            await one.stop()
            await until_owned(stage, [two, three], "after one left")
            await asyncio.sleep(BETWEEN_SECONDS)
            await two.kill()
            await until_owned(stage, [three], "after one was killed")
            over.set()  # what was begun is told while the last moves go on
            await four.start()
            await until_owned(stage, [three, four], "after another was started")
            stage.lines[2].broker.stall()
            stage.lines[2].database.stall()
            await until_owned(stage, [four], "after one was cut off")
        finally:
            over.set()
            await telling
        await judge_run(stage, promises, load)


async def until_owned(stage: Stage, engines: Iterable[ServiceProcess], what: str) -> None:
    """Wait until these share all partitions as evenly as can be, and nobody else has any."""
    wanted = {engine.pid for engine in engines}
    each = PARTITIONS // len(wanted)
    began = time.monotonic()
    connection = await asyncpg.connect(stage.database.url)
    try:

        async def shared() -> bool:
            rows = await connection.fetch("SELECT owner FROM sla_engine.partitions")
            owners = [int(row["owner"].split(":")[1]) for row in rows]
            assert len(owners) == PARTITIONS
            assert {pid: owners.count(pid) for pid in set(owners)} == dict.fromkeys(wanted, each), owners
            return True

        await eventually(shared, within_seconds=MOVED_WITHIN_SECONDS, what=what)
    finally:
        await connection.close()
    tell(f"{what}: {time.monotonic() - began:.1f} s")
