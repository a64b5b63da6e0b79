"""Engines are killed and what they need fails, under load; what was announced is what the oracle says.

`make test` runs the short form. `make chaos` runs the full one: LEADPACT_TEST_CHAOS=full. The seed is printed;
LEADPACT_TEST_CHAOS_SEED runs another one. Stories and faults follow from it; when they meet is the machine's affair.
"""

import asyncio
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from shared.events.sla import ObligationBreached
from tests.chaos import observer
from tests.chaos.checker import Findings, Logged, check
from tests.chaos.faults import Faults, Form
from tests.chaos.load import Load, now
from tests.chaos.promises import Promises
from tests.chaos.stage import Stage, open_stage
from tests.support.postgres_server import BreakablePostgres

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

FULL = os.environ.get("LEADPACT_TEST_CHAOS") == "full"
SEED = int(os.environ.get("LEADPACT_TEST_CHAOS_SEED", "1"))

SHORT_FORM = Form(
    engines=2,
    leads_a_second=12,
    kills=5,
    kill_pause_seconds=(1.5, 4.0),
    outages=(
        partial(Faults.restart_broker, kill=False),
        partial(Faults.restart_database, kill=True),
        partial(Faults.cut, broker=True, database=True, seconds=3),
        partial(Faults.stall, database=True, seconds=3),
        Faults.half_close,
    ),
    outage_pause_seconds=(1.0, 2.0),
    converge_seconds=90,
)
FULL_FORM = Form(
    engines=3,
    leads_a_second=40,
    kills=50,
    kill_pause_seconds=(4.0, 10.0),
    outages=(
        partial(Faults.restart_broker, kill=False),
        partial(Faults.restart_database, kill=False),
        partial(Faults.cut, broker=True, seconds=60),
        partial(Faults.restart_database, kill=True),
        partial(Faults.cut, database=True, seconds=60),
        Faults.half_close,
        partial(Faults.freeze, seconds=15),
        partial(Faults.stall, broker=True, seconds=60),
        partial(Faults.restart_broker, kill=True),
        partial(Faults.stall, database=True, seconds=60),
        Faults.half_close,
        partial(Faults.freeze, seconds=15),
    ),
    outage_pause_seconds=(3.0, 8.0),
    converge_seconds=240,
)


@pytest.mark.kafka
@pytest.mark.timeout(1800)
async def test_nothing_is_lost_doubled_or_false(tmp_path: Path, breakable_postgres: BreakablePostgres) -> None:
    form = FULL_FORM if FULL else SHORT_FORM
    promises = Promises(SEED, day=now())
    tell(f"seed {SEED}, the {'full' if FULL else 'short'} form")
    async with open_stage(tmp_path, breakable_postgres, agreement=promises.text, engines=form.engines) as stage:
        await stage.start(form.engines)
        load = Load(stage.stream, seed=SEED, leads_a_second=form.leads_a_second)
        faults = Faults(stage, seed=SEED, form=form)
        try:
            await under_load(load, faults)
            await judge_run(stage, promises, load, faults, converge_seconds=form.converge_seconds)
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


async def judge_run(stage: Stage, promises: Promises, load: Load, faults: Faults, *, converge_seconds: float) -> None:
    """Wait for the last announcement, then compare everything with the oracle."""
    log = await observer.read_log(stage.stream, load.acknowledged)
    announcements = observer.Announcements(promises, log)
    complete = await announcements.read_until_complete(stage.stream, within_seconds=converge_seconds)
    faults.check_alive()
    if complete:
        await observer.settled(stage.database.url, within_seconds=converge_seconds)
    await announcements.read_rest(stage.stream)
    findings = check(promises, log, announcements.records)
    await observer.compare_database(stage.database.url, promises, log, findings)
    tell(figures(load, faults, announcements, log))
    tell(str(findings))
    assert findings.none, f"seed {SEED}\n{findings}"


def figures(
    load: Load, faults: Faults, announcements: observer.Announcements, log: Mapping[str, Sequence[Logged]]
) -> str:
    """What happened, in numbers."""
    breaches = [each.event for each in announcements.records if isinstance(each.event, ObligationBreached)]
    late = sorted((each.announced_at - each.deadline).total_seconds() for each in breaches)
    standing, median = announcements.standing, f"{statistics.median(late):.1f}"
    return "\n".join(
        [
            ", ".join(f"{what}: {count}" for what, count in sorted(faults.counts.items())),
            f"leads: {len(log)}, records: {sum(map(len, log.values()))}, of them appended again: {load.repeated}",
            f"announcements: {len(standing.seen)}, taken back: {len(standing.taken_back)}",
            f"published again and dropped: {standing.dropped}",
            f"breaches: {len(breaches)}, a median of {median} s late, at most {late[-1]:.1f} s",
        ]
    )


def tell(text: str) -> None:
    """For whoever runs it; pytest shows it where the test fails, `make chaos` always."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def test_findings_name_what_is_wrong() -> None:
    found = Findings(lost=["a breach"])
    assert not found.none
    assert "lost: 1\n  a breach" in str(found)
