"""What an open clock takes: in the engine's memory where its deadline is near, and on disk wherever it is.

`python -m tests.bench.memory [open clocks]`. The agenda, which alone grows with the near clocks, is built by itself and
weighed; and one engine process that owns all clocks, a fifth of them near, is weighed as a whole.
"""

import asyncio
import gc
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from shared.events.topics import LEAD_EVENTS, SLA_EVENTS
from sla_engine.application.agenda import Agenda
from tests.bench.clocks import TABLES, Span, load_open_clocks
from tests.bench.rig import Rig, memory_bytes, opened
from tests.bench.services import PARTITIONS, connect, engines
from tests.bench.sizes import size

CLOCKS = size(50_000, 10_000_000)
HOURS = 24
HORIZON = timedelta(seconds=600)
"""As the engine has it unless told otherwise; it is filled up when half of it is left."""
MOST_ENTRIES = 1_000_000
FIRST_ID = 1_000_000
LOADED_SHARE = 0.98
LOAD_SECONDS = 60.0
PENDING = """
SELECT count(*) FROM sla_engine.wakeups WHERE wake_us < extract(epoch FROM $1::timestamptz) * 1000000
"""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Bytes. `near` are the clocks that were due within the process's horizon."""

    clocks: int
    near: int
    an_entry: float
    process: int
    on_disk: dict[str, int]
    loaded_seconds: float


def bytes_an_entry(clocks: int) -> float:
    """What a near clock takes in an agenda of so many."""
    gc.collect()
    before = memory_bytes()
    agenda = Agenda()
    agenda.loaded(((at * 600, at) for at in range(FIRST_ID, FIRST_ID + clocks)), known_until_us=2**62)
    gc.collect()
    assert len(agenda) == clocks
    return (memory_bytes() - before) / clocks


async def measured(clocks: int = CLOCKS) -> Result:
    """The agenda by itself, then an engine with all clocks."""
    entry = bytes_an_entry(min(clocks, MOST_ENTRIES))
    async with opened() as rig:
        for topic in (LEAD_EVENTS, SLA_EVENTS):
            await rig.stream.ensure_topic(topic, partitions=PARTITIONS)
        began = time.perf_counter()
        # Loading takes its time: what is near must lie far enough ahead.
        first = datetime.now(UTC) + timedelta(seconds=180 + clocks / 4_000)
        near = clocks // 5
        spans = [
            Span(clocks=near, first=first, last=first + timedelta(seconds=30)),
            Span(clocks=clocks - near, first=first + timedelta(hours=2), last=first + timedelta(hours=16)),
        ]
        await load_open_clocks(rig.database_url, spans, partitions=PARTITIONS, hours=HOURS)
        loaded = time.perf_counter() - began
        process = await _memory(rig, until=first - HORIZON / 3)
        asking = await connect(rig)
        held = await asking.fetchval(PENDING, datetime.now(UTC) + HORIZON / 2)
        sizes = {
            table: await asking.fetchval("SELECT pg_total_relation_size($1::regclass)", f"sla_engine.{table}")
            for table in TABLES
        }
        await asking.close()
        return Result(clocks=clocks, near=held, an_entry=entry, process=process, on_disk=sizes, loaded_seconds=loaded)


async def _memory(rig: Rig, *, until: datetime) -> int:
    """Once the near clocks are in reach and the process grows no more."""
    left = (until - datetime.now(UTC)).total_seconds()
    await asyncio.sleep(max(left, 0))
    with tempfile.TemporaryDirectory(prefix="leadpact-bench-") as folder:
        async with engines(rig, Path(folder), 1, hours=HOURS) as [process]:
            before, deadline = 0, time.monotonic() + LOAD_SECONDS
            while time.monotonic() < deadline:
                await asyncio.sleep(3)
                now = memory_bytes(process.pid)
                if before > now * LOADED_SHARE:
                    return now
                before = now
            return before


def measure(clocks: int = CLOCKS) -> Result:
    """For other programs."""
    return uvloop.run(measured(clocks))


def show(result: Result) -> None:
    """Print it."""
    disk = sum(result.on_disk.values())
    print(f"{result.clocks:,} open clocks, made and loaded in {result.loaded_seconds:.0f} s")
    print(f"  {result.an_entry:.0f} bytes a near clock")
    print(f"  the engine as a whole: {result.process / 1e6:.0f} MB with {result.near:,} near clocks")
    print(f"  on disk: {disk / 1e9:.2f} GB, {disk / result.clocks:.0f} bytes a clock, of which")
    for table, taken in result.on_disk.items():
        print(f"    {table:<12}{taken / result.clocks:>6.0f}")


def main() -> None:
    """Print one run."""
    show(measure(int(sys.argv[1]) if len(sys.argv) > 1 else CLOCKS))


if __name__ == "__main__":
    main()
