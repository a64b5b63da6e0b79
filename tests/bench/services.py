"""Engines as an operator runs them, on a benchmark's rig."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg

from tests.bench.clocks import HOURS, pact_text
from tests.bench.rig import Rig
from tests.support.deployment import ServiceProcess, free_port

PARTITIONS = 4
LOOK_SECONDS = 0.005


def engine_process(
    rig: Rig, directory: Path, *, label: str = "engine", hours: int = HOURS, **settings: str
) -> ServiceProcess:
    """An `sla-engine run` on the rig, not started yet; `settings` are variables without their prefix."""
    agreement = directory / "agreement.yaml"
    agreement.write_text(pact_text(hours), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADPACT_")} | {
        "LEADPACT_DATABASE_URL": rig.database_url,
        "LEADPACT_ENGINE_AGREEMENT": str(agreement),
        "LEADPACT_STREAM_PARTITIONS": str(PARTITIONS),
        "LEADPACT_LOG_FORMAT": "json",
    }
    if rig.stream_url is not None:
        environment["LEADPACT_STREAM_URL"] = rig.stream_url
    environment |= {f"LEADPACT_{name.upper()}": value for name, value in settings.items()}
    return ServiceProcess("sla-engine", port=free_port(), environment=environment, directory=directory, label=label)


@contextlib.asynccontextmanager
async def engines(
    rig: Rig, directory: Path, count: int, *, hours: int = HOURS, **settings: str
) -> AsyncIterator[list[ServiceProcess]]:
    """So many engines, ready; killed at the end."""
    processes = [
        engine_process(rig, directory, label=f"engine-{number}", hours=hours, **settings) for number in range(count)
    ]
    try:
        for process in processes:
            await process.start()
        for process in processes:
            await process.ready()
        yield processes
    finally:
        for process in processes:
            if process.alive:
                await process.kill()


LATENESS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - (deadline + $1::interval))::float8 AS seconds
FROM sla_engine.obligations
WHERE state = 'breached' AND deadline >= $2 AND deadline < $3
"""
"""When what was announced of each broken promise was committed, after it could be: the deadline and the settle time."""


def quantile(values: list[float], share: float) -> float:
    """The value below which that share of them lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else float("nan")


async def until_changed(asking: "asyncpg.Connection[asyncpg.Record]", question: str, answer: object) -> None:
    """Returns once the question is answered differently."""
    while True:
        if await asking.fetchval(question) != answer:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def connect(rig: Rig) -> "asyncpg.Connection[asyncpg.Record]":
    """A session to ask questions with."""
    return await asyncpg.connect(rig.database_url)
