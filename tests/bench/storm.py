"""Many leads fall due in the same second: how long until all are announced, and until all of it is on the stream.

`python -m tests.bench.storm [leads]`. One engine process with its relay. The deadlines lie in the future when it
starts; nothing else happens meanwhile.
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
from tests.bench.clocks import SETTLE, Span, load_open_clocks
from tests.bench.rig import Cost, measuring, opened
from tests.bench.services import LATENESS, PARTITIONS, connect, engines, quantile
from tests.bench.sizes import size

LEADS = size(10_000, 100_000)
AHEAD = timedelta(seconds=30)
LOOK_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Result:
    """Seconds after a deadline (and its settle time) until a share was committed; after the first, until all were
    published.
    """

    leads: int
    committed: dict[float, float]
    published: float
    cost: Cost


async def measured(leads: int = LEADS) -> Result:
    """One storm."""
    ahead = AHEAD + timedelta(seconds=leads / 2_000)  # the rows must be there by then
    with tempfile.TemporaryDirectory(prefix="leadpact-bench-") as folder:
        async with opened() as rig:
            due = datetime.now(UTC) + ahead
            span = Span(clocks=leads, first=due, last=due + timedelta(seconds=1))
            await load_open_clocks(rig.database_url, [span], partitions=PARTITIONS)
            for topic in (LEAD_EVENTS, SLA_EVENTS):
                await rig.stream.ensure_topic(topic, partitions=PARTITIONS)
            asking = await connect(rig)
            async with engines(rig, Path(folder), 1) as [engine]:
                left = (due + SETTLE - datetime.now(UTC)).total_seconds()
                assert left > 0, f"the deadlines passed {-left:.0f} s before the engine was ready: a slow machine"
                await asyncio.sleep(left)
                with measuring(rig, [engine.pid]) as costs:
                    began = time.perf_counter()
                    while True:
                        if sum((await rig.stream.end_offsets(SLA_EVENTS)).values()) >= leads:
                            break
                        await asyncio.sleep(LOOK_SECONDS)
                    published = time.perf_counter() - began
            rows = await asking.fetch(LATENESS, SETTLE, due, due + timedelta(seconds=2))
            await asking.close()
            late = [row["seconds"] for row in rows]
            assert len(late) == leads, f"{len(late)} of {leads} were announced"
            shares = (0.01, 0.5, 0.99, 1.0)
            return Result(
                leads=leads,
                committed={share: quantile(late, share) for share in shares},
                published=published,
                cost=costs[0].an_event(leads),
            )


def measure(leads: int = LEADS) -> Result:
    """For other programs."""
    return uvloop.run(measured(leads))


def main() -> None:
    """Print it."""
    result = measure(int(sys.argv[1]) if len(sys.argv) > 1 else LEADS)
    print(f"{result.leads:,} leads due within one second, one engine")
    for share, seconds in result.committed.items():
        print(f"  {share:.0%} announced within {seconds:.2f} s of their deadline and settle time")
    print(f"  all on the stream after {result.published:.2f} s: {result.leads / result.published:,.0f} a second")
    print(f"  µs of processor a lead: {result.cost.own:.0f} engine and relay, {result.cost.database:.0f} database")


if __name__ == "__main__":
    main()
