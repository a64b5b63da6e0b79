"""Breach lateness while live: deadline and settle time → committed announcement, under a steady load of lead events.

`python -m tests.bench.live [open clocks] [seconds] [rate,rate,…] [engine processes]`. The load is made beforehand:
leads that are created, qualified, queued, assigned and called, six events each, their steps some seconds apart. The
clocks that are measured belong to other leads and fall due evenly, some hundred a second, all the while.
"""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import uvloop

from shared.events import lead as lead_events
from shared.events.topics import LEAD_EVENTS, SLA_EVENTS
from shared.streams.port import Record, Stream
from tests.bench.clocks import SETTLE, Span, load_open_clocks
from tests.bench.rig import Cost, Rig, measuring, memory_bytes, opened
from tests.bench.services import LATENESS, PARTITIONS, connect, engines, quantile
from tests.bench.sizes import size
from tests.bench.stories import EVENTS_A_LEAD, lead_story

CLOCKS = size(50_000, 1_000_000)
SECONDS = size(10, 30)
RATES = size((500, 1_000, 2_000), (2_500, 5_000, 10_000, 20_000))
ENGINES = size(1, 2)
DUE_A_SECOND = 200
TICK_SECONDS = 0.02
WARM_SECONDS = 3.0
CATCH_UP_SECONDS = 60.0
HOURS = 24
POSITIONS = "SELECT coalesce(sum(position), 0)::bigint FROM sla_engine.partitions"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One rate: lateness in milliseconds, and how many events were not taken in when the load ended."""

    rate: int
    engines: int
    sent: int
    measured: int
    p50_ms: float
    p99_ms: float
    longest_ms: float
    behind: int
    cost: Cost
    memory: int

    @property
    def kept_up(self) -> bool:
        """Whether less than a second of the load was left over."""
        return self.behind < self.rate


def load(rate: int, seconds: float, first_lead: int, start: datetime) -> list[tuple[float, list[Record]]]:
    """What is to be sent, and when, in seconds from the start: `rate` events a second, at their own event times."""
    ticks: list[tuple[float, list[Record]]] = []
    leads_a_tick = rate * TICK_SECONDS / EVENTS_A_LEAD
    count, owed, number = round(seconds / TICK_SECONDS), 0.0, first_lead
    waves: list[list[list[lead_events.LeadEvent]]] = []
    for tick in range(count):
        at = tick * TICK_SECONDS
        owed += leads_a_tick
        wave = []
        while owed >= 1:
            wave.append(lead_story(number))
            number, owed = number + 1, owed - 1
        waves.append(wave)
        due = start + timedelta(seconds=at)
        made = []
        # Each step follows the one before after a sixth of the whole time; the first ticks find only first steps.
        for step in range(EVENTS_A_LEAD):
            place = tick - step * count // EVENTS_A_LEAD
            for story in waves[place] if place >= 0 else ():
                event = msgspec.structs.replace(story[step], occurred_at=due, received_at=due)
                made.append(Record(key=event.lead.encode(), value=lead_events.encode(event)))
        ticks.append((at, made))
    return ticks


def filled_up(
    ticks: Sequence[tuple[float, list[Record]]], rate: int, first_lead: int, start: datetime
) -> list[tuple[float, list[Record]]]:
    """The same with so many first steps of other leads added that every tick brings the whole rate."""
    each, number, filled = round(rate * TICK_SECONDS), first_lead, []
    for at, made in ticks:
        extra = list(made)
        due = start + timedelta(seconds=at)
        while len(extra) < each:
            number += 1
            event = msgspec.structs.replace(lead_story(number)[0], occurred_at=due, received_at=due)
            extra.append(Record(key=event.lead.encode(), value=lead_events.encode(event)))
        filled.append((at, extra))
    return filled


async def play(stream: Stream, ticks: Sequence[tuple[float, list[Record]]], start: datetime) -> int:
    """Send each tick at its time; how many events that were."""
    sent, sending = 0, set[asyncio.Task[None]]()
    for at, made in ticks:
        left = (start + timedelta(seconds=at) - datetime.now(UTC)).total_seconds()
        if left > 0:
            await asyncio.sleep(left)
        task = asyncio.create_task(stream.append(LEAD_EVENTS, made))
        sending.add(task)
        task.add_done_callback(sending.discard)
        sent += len(made)
    await asyncio.gather(*sending)
    return sent


async def one_rate(rig: Rig, rate: int, seconds: float, first_lead: int, count: int) -> Result:
    """Add the clocks to be measured, start engines, play the load, measure, stop the engines."""
    # The clocks must be stored, the load made and the engines ready by then.
    start = datetime.now(UTC) + timedelta(seconds=25 + rate * seconds / 6_000)
    span = Span(clocks=round(DUE_A_SECOND * seconds), first=start, last=start + timedelta(seconds=seconds))
    await load_open_clocks(rig.database_url, [span], partitions=PARTITIONS, hours=HOURS)
    with tempfile.TemporaryDirectory(prefix="leadpact-bench-") as folder:
        ticks = filled_up(load(rate, seconds, first_lead, start), rate, first_lead + 50_000_000, start)
        asking = await connect(rig)
        async with engines(rig, Path(folder), count, hours=HOURS) as processes:
            left = (start - datetime.now(UTC)).total_seconds()
            assert left > 0, f"the load was to begin {-left:.0f} s before the engines were ready: a slow machine"
            before = await asking.fetchval(POSITIONS)
            await asyncio.sleep(left)
            with measuring(rig, [each.pid for each in processes]) as costs:
                sent = await play(rig.stream, ticks, start)
            behind = sent - (await asking.fetchval(POSITIONS) - before)
            memory = sum(memory_bytes(each.pid) for each in processes)
            await _caught_up(asking, before + sent)
            await asyncio.sleep(SETTLE.total_seconds() + 1)
            begun, ended = start + timedelta(seconds=WARM_SECONDS), start + timedelta(seconds=seconds - 1)
            rows = await asking.fetch(LATENESS, SETTLE, begun - SETTLE, ended - SETTLE)
        await asking.close()
    late = [row["seconds"] * 1000 for row in rows]
    return Result(
        rate=rate,
        engines=count,
        sent=sent,
        measured=len(late),
        p50_ms=quantile(late, 0.5),
        p99_ms=quantile(late, 0.99),
        longest_ms=max(late, default=float("nan")),
        behind=max(behind, 0),
        cost=costs[0].an_event(sent),
        memory=memory,
    )


async def _caught_up(asking: "asyncpg.Connection[asyncpg.Record]", position: int) -> None:
    """Whoever fell behind is given time, so that what it announced late is measured, too."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CATCH_UP_SECONDS):
            while True:
                if await asking.fetchval(POSITIONS) >= position:
                    return
                await asyncio.sleep(0.5)


async def measured(
    clocks: int = CLOCKS, seconds: float = SECONDS, rates: Sequence[int] = RATES, count: int = 1
) -> list[Result]:
    """One rate after the other on one rig."""
    results = []
    async with opened() as rig:
        for topic in (LEAD_EVENTS, SLA_EVENTS):
            await rig.stream.ensure_topic(topic, partitions=PARTITIONS)
        later = datetime.now(UTC) + timedelta(hours=4)
        span = Span(clocks=clocks, first=later, last=later + timedelta(hours=12))
        await load_open_clocks(rig.database_url, [span], partitions=PARTITIONS, hours=HOURS)
        for place, rate in enumerate(rates):
            results.append(await one_rate(rig, rate, seconds, 100_000_000 * (place + 1), count))
            show(results[-1], clocks)
    return results


def show(result: Result, clocks: int) -> None:
    """Print one line."""
    print(
        f"{result.rate:,} events/s, {clocks:,} open clocks, {result.engines} engine(s), {result.memory / 1e6:.0f} MB:"
    )
    print(
        f"  late by p50 {result.p50_ms:.0f} ms, p99 {result.p99_ms:.0f} ms, at most {result.longest_ms:.0f} ms "
        f"({result.measured:,} breaches); {'kept up' if result.kept_up else 'fell behind'}, {result.behind:,} left"
    )
    cost = result.cost
    print(f"  µs an event: {cost.own:.0f} engine, {cost.database:.0f} database, {cost.broker:.0f} broker", flush=True)


def main(arguments: Sequence[str]) -> None:
    """Print runs."""
    clocks = int(arguments[0]) if arguments else CLOCKS
    seconds = float(arguments[1]) if len(arguments) > 1 else SECONDS
    rates = [int(rate) for rate in arguments[2].split(",")] if len(arguments) > 2 else RATES
    uvloop.run(measured(clocks, seconds, rates, int(arguments[3]) if len(arguments) > 3 else ENGINES))


if __name__ == "__main__":
    main(sys.argv[1:])
