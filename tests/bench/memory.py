"""What an open clock takes: in the engine's memory where its deadline is near, and on disk wherever it is.

`python -m tests.bench.memory [open clocks]`. One engine process owns all of them. A fifth falls due within the near
horizon, which alone is in memory; what the process grows by over one with no clocks at all is divided among those.
"""

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from shared.events.topics import LEAD_EVENTS, SLA_EVENTS
from tests.bench.clocks import TABLES, Span, load_open_clocks
from tests.bench.rig import Rig, memory_bytes, opened
from tests.bench.services import PARTITIONS, connect, engines
from tests.bench.sizes import size

CLOCKS = size(50_000, 10_000_000)
HOURS = 24
HORIZON = timedelta(seconds=600)
"""As the engine has it unless told otherwise; it is filled up when half of it is left."""
LOADED_SHARE = 0.98
LOAD_SECONDS = 60.0
PENDING = """
SELECT count(*) FROM sla_engine.wakeups WHERE wake_us < extract(epoch FROM $1::timestamptz) * 1000000
"""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Bytes. `near` are the clocks that were in memory."""

    clocks: int
    near: int
    empty: int
    full: int
    on_disk: dict[str, int]
    loaded_seconds: float

    @property
    def bytes_a_near_clock(self) -> float:
        """What each clock in memory takes."""
        return (self.full - self.empty) / self.near


async def measured(clocks: int = CLOCKS) -> Result:
    """An engine with no clocks, then one with all of them."""
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
        empty = await _empty_process(rig)
        full = await _memory(rig, until=first - HORIZON / 3)
        asking = await connect(rig)
        held = await asking.fetchval(PENDING, datetime.now(UTC) + HORIZON / 2)
        sizes = {
            table: await asking.fetchval("SELECT pg_total_relation_size($1::regclass)", f"sla_engine.{table}")
            for table in TABLES
        }
        await asking.close()
        return Result(clocks=clocks, near=held, empty=empty, full=full, on_disk=sizes, loaded_seconds=loaded)


async def _empty_process(rig: Rig) -> int:
    """The same process with a horizon in which nothing lies."""
    with tempfile.TemporaryDirectory(prefix="leadpact-bench-") as folder:
        async with engines(rig, Path(folder), 1, hours=HOURS, engine_horizon_seconds="0.001") as [process]:
            await asyncio.sleep(2)
            return memory_bytes(process.pid)


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
    print(
        f"  the engine's memory: {result.full / 1e6:.0f} MB, {result.empty / 1e6:.0f} MB without clocks; "
        f"{result.bytes_a_near_clock:.0f} bytes for each of the {result.near:,} in the near horizon"
    )
    print(f"  on disk: {disk / 1e9:.2f} GB, {disk / result.clocks:.0f} bytes a clock, of which")
    for table, taken in result.on_disk.items():
        print(f"    {table:<12}{taken / result.clocks:>6.0f}")


def main() -> None:
    """Print one run."""
    show(measure(int(sys.argv[1]) if len(sys.argv) > 1 else CLOCKS))


if __name__ == "__main__":
    main()
