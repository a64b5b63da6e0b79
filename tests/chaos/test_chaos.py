"""Engines are killed and what they need fails, under load; what was announced is what the oracle says.

`make test` runs the short form. `make chaos` runs the full one: LEADPACT_TEST_CHAOS=full. The seed is printed;
LEADPACT_TEST_CHAOS_SEED runs another one. Stories and faults follow from it; when they meet is the machine's affair.
"""

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.checker import Findings
from tests.chaos.faults import Faults, Form
from tests.chaos.forms import FULL, KAFKA, LOG
from tests.chaos.load import Load, now
from tests.chaos.promises import Promises
from tests.chaos.stage import open_stage
from tests.chaos.verdict import judge_run, tell
from tests.support.postgres_server import BreakablePostgres

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

SEED = int(os.environ.get("LEADPACT_TEST_CHAOS_SEED", "1"))

SHORT_FORM = Form(
    engines=2,
    leads_a_second=15,
    batch_records=20,
    kills=5,
    kill_pause_seconds=(1.5, 4.0),
    zombies=2,
    zombie_seconds=8,
    outages=(
        partial(Faults.restart_broker, kill=False),
        partial(Faults.restart_database, kill=True),
        partial(Faults.cut, broker=True, database=True, seconds=3),
        partial(Faults.stall, database=True, seconds=3),
        Faults.half_close,
    ),
    outage_pause_seconds=(1.0, 2.0),
)
FULL_FORM = Form(
    engines=3,
    leads_a_second=40,
    batch_records=100,
    kills=50,
    kill_pause_seconds=(4.0, 10.0),
    zombies=20,
    zombie_seconds=10,
    outages=(
        partial(Faults.restart_broker, kill=False),
        partial(Faults.restart_database, kill=False),
        partial(Faults.cut, broker=True, seconds=60),
        partial(Faults.restart_database, kill=True),
        partial(Faults.cut, database=True, seconds=60),
        Faults.half_close,
        partial(Faults.stall, broker=True, seconds=60),
        partial(Faults.restart_broker, kill=True),
        partial(Faults.stall, database=True, seconds=60),
        Faults.half_close,
    ),
    outage_pause_seconds=(3.0, 8.0),
)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kafka", [KAFKA, LOG] if FULL else [KAFKA])
async def test_nothing_is_lost_doubled_or_false(
    kafka: bool, tmp_path: Path, breakable_postgres: BreakablePostgres
) -> None:
    form = FULL_FORM if FULL else SHORT_FORM
    promises = Promises(SEED, day=now())
    tell(f"seed {SEED}, the {'full' if FULL else 'short'} form, on {'Kafka' if kafka else 'the log in PostgreSQL'}")
    async with open_stage(
        tmp_path,
        breakable_postgres,
        agreement=promises.text,
        engines=form.engines,
        kafka=kafka,
        batch_records=form.batch_records,
    ) as stage:
        await stage.start(form.engines)
        load = Load(stage.stream, seed=SEED, leads_a_second=form.leads_a_second)
        faults = Faults(stage, seed=SEED, form=form)
        try:
            await under_load(load, faults)
            await judge_run(stage, promises, load)
            tell(", ".join(f"{what}: {count}" for what, count in sorted(faults.counts.items())))
            if FULL:
                tell("\n".join(faults.journal))
            faults.check_alive()
        except BaseException:
            tell("\n".join(faults.journal))
            for engine in stage.engines:
                tell(f"-- {engine.label}:\n{engine.last_words(30)}")
            raise


async def under_load(load: Load, faults: Faults) -> None:
    """New stories begin while there are faults."""
    over = asyncio.Event()
    telling = asyncio.create_task(load.run(over))
    try:
        await faults.run()
    finally:
        over.set()
        await telling


def test_findings_name_what_is_wrong() -> None:
    found = Findings(lost=["a breach"])
    assert not found.none
    assert "lost: 1\n  a breach" in str(found)
