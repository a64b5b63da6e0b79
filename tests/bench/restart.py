"""kill -9 of the only engine under load: how soon the next one commits, and has the near deadlines in memory.

`python -m tests.bench.restart [open clocks]`. The clock starts when the killed process's successor is started, as a
supervisor does at once. Events come all the while; the first commit is the first that moves a partition's position.
"""

import asyncio
import contextlib
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import uvloop

from shared.events import lead as lead_events
from shared.events.lead import LeadEvent
from shared.events.topics import LEAD_EVENTS
from shared.streams.port import Record
from tests.bench.clocks import Span, load_open_clocks, open_story
from tests.bench.rig import Rig, cpu_seconds, opened
from tests.bench.services import PARTITIONS, connect, engine_process, until_changed
from tests.bench.sizes import size

CLOCKS = size(50_000, 1_000_000)
ROUNDS = 5
TRICKLE_A_SECOND = 200
POSITIONS = "SELECT coalesce(sum(position), 0) FROM sla_engine.partitions"
EPOCHS = "SELECT min(epoch) FROM sla_engine.partitions"


@dataclass(frozen=True, kw_only=True)
class Result:
    """Seconds from the start of the successor, per round; `processor` is its own time up to the first commit, which a
    busy machine does not stretch. Milliseconds from ownership to near deadlines in memory.
    """

    stream: str
    clocks: int
    owned: list[float]
    committed: list[float]
    processor: list[float]
    armed_ms: list[float]


@contextlib.asynccontextmanager
async def trickle(rig: Rig) -> AsyncIterator[None]:
    """New leads, some hundred events a second, all the while."""

    async def run() -> None:
        number = 500_000_000
        while True:
            made: list[LeadEvent] = []
            for _ in range(TRICKLE_A_SECOND // 40):
                number += 1
                made += open_story(number, datetime.now(UTC) + timedelta(hours=1))
            await rig.stream.append(
                LEAD_EVENTS, [Record(key=event.lead.encode(), value=lead_events.encode(event)) for event in made]
            )
            await asyncio.sleep(0.05)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def measured(clocks: int = CLOCKS) -> Result:
    """Some rounds on one rig."""
    now = datetime.now(UTC)
    # A tenth falls due within the near horizon of ten minutes.
    spans = [
        Span(clocks=clocks // 10, first=now + timedelta(minutes=10), last=now + timedelta(minutes=20)),
        Span(clocks=clocks - clocks // 10, first=now + timedelta(minutes=20), last=now + timedelta(minutes=58)),
    ]
    owned, committed, processor = [], [], []
    with tempfile.TemporaryDirectory(prefix="leadpact-bench-") as folder:
        async with opened() as rig:
            await load_open_clocks(rig.database_url, spans, partitions=PARTITIONS)
            await rig.stream.ensure_topic(LEAD_EVENTS, partitions=PARTITIONS)
            asking = await connect(rig)
            engine = engine_process(rig, Path(folder))
            await engine.start()
            try:
                await engine.ready()
                async with trickle(rig):
                    for _ in range(ROUNDS):
                        await asyncio.sleep(2)
                        await engine.kill()
                        epoch, position = await asking.fetchval(EPOCHS), await asking.fetchval(POSITIONS)
                        began = time.perf_counter()
                        await engine.start()
                        await until_changed(asking, EPOCHS, epoch)
                        owned.append(time.perf_counter() - began)
                        await until_changed(asking, POSITIONS, position)
                        committed.append(time.perf_counter() - began)
                        processor.append(cpu_seconds(engine.pid))
            finally:
                await engine.kill()
                await asking.close()
            armed = [float(found) for found in re.findall(r'"armed_ms": ?([\d.]+)', engine.log.read_text())]
            return Result(
                stream=rig.name, clocks=clocks, owned=owned, committed=committed, processor=processor, armed_ms=armed
            )


def measure(clocks: int = CLOCKS) -> Result:
    """For other programs."""
    return uvloop.run(measured(clocks))


def main() -> None:
    """Print it."""
    result = measure(int(sys.argv[1]) if len(sys.argv) > 1 else CLOCKS)
    print(f"{result.clocks:,} open clocks, {result.stream}; {ROUNDS} times kill -9 and started again at once")
    told = {"partitions owned": result.owned, "first commit": result.committed, "own processor": result.processor}
    for name, values in told.items():
        print(f"  {name:<18} median {median(values):.2f} s, longest {max(values):.2f} s")
    if armed := result.armed_ms:
        print(f"  near deadlines armed {median(armed):.0f} ms after ownership, at most {max(armed):.0f} ms")


if __name__ == "__main__":
    main()
