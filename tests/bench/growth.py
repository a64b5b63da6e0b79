"""What one more event costs as a history, an agreement, the number of leads and the number of partitions grow.

`python -m tests.bench.growth [--json file]`. All figures are processor time, which other work on the machine
disturbs little: of this process for the pure core, of the engine's process and of the database's for what is stored.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from shared.events import lead as lead_events
from shared.events.lead import LeadEvent, TouchLogged
from shared.streams.port import Fetch, StoredRecord
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.application.advance import Step, advance
from sla_engine.application.in_force import InForce
from sla_engine.application.partition import Limits, Partition
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.editions import Editions
from sla_engine.domain.instants import to_us
from tests.bench import engine
from tests.bench.clocks import Span, load_open_clocks, open_story
from tests.bench.engine import Unwatched
from tests.bench.rig import measuring, opened
from tests.bench.services import PARTITIONS
from tests.bench.sizes import size
from tests.bench.stories import NOW, lead_story
from tests.support.engine_stack import Bench, open_bench, pact

HISTORIES = (6, 12, 25, 50, 100, 200)
TARGETS = (1, 5, 20, 100)
LEADS = size((2_000, 20_000, 100_000), (10_000, 100_000, 1_000_000))
PARTITION_COUNTS = (2, 8, 32)
BATCH = 2_000
BATCHES = 4
MIXTURES = (100, 1_000, 8_000)
DRAIN_EVENTS = 48_000
ROUNDS = 5

Curve = list[tuple[float, float]]


def cheapest(work: Callable[[], object], number: int) -> float:
    """Microseconds of processor a call, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(number):
            work()
        best = min(best, time.process_time() - began)
    return best / number * 1e6


def history_curve(lengths: Sequence[int] = HISTORIES) -> Curve:
    """One more call that changes nothing, on a lead with so many events."""
    editions = Editions.only(pact())
    return [(length, cheapest(_one_more(length, editions), max(2_000 // length, 20))) for length in lengths]


def _one_more(length: int, editions: Editions) -> Callable[[], Step | None]:
    story = lead_story(1)
    last = story[-1]
    assert isinstance(last, TouchLogged)
    calls = [_call(last, number) for number in range(length + 1 - len(story))]
    now = NOW + timedelta(days=1)
    before = advance(None, [*story, *calls[:-1]], editions, through_us=to_us(now), now=now)
    assert before is not None
    return lambda: advance(before.after, calls[-1:], editions, through_us=to_us(now), now=now)


def _call(last: TouchLogged, number: int) -> LeadEvent:
    at = last.occurred_at + timedelta(minutes=number + 1)
    fields = {name: getattr(last, name) for name in last.__struct_fields__}
    return TouchLogged(
        **fields
        | {
            "id": f"{number:032x}",
            "touch": f"call-{number}",
            "occurred_at": at,
            "received_at": at,
            "performed_at": at,
        }
    )


def agreement_curve(counts: Sequence[int] = TARGETS) -> Curve:
    """A lead's whole story under an agreement whose clocks have so many segments; the lead's is the last."""
    story, now = lead_story(1), NOW + timedelta(days=1)
    curve: Curve = []
    for count in counts:
        editions = Editions.only(_segmented(count))

        def work(editions: Editions = editions) -> object:
            return advance(None, story, editions, through_us=to_us(now), now=now)

        curve.append((count, cheapest(work, 300)))
    return curve


def _segmented(count: int) -> Agreement:
    if count == 1:
        return pact()
    segments = "\n".join(
        f"  - {{name: s{number}, when: {{attribute: company, equals: nobody-{number}}}}}" for number in range(count - 1)
    )
    targets = ", ".join(f"s{number}: 2h" for number in range(count - 1))
    return parse_agreement(PACT_WITH_SEGMENTS.format(segments=segments, targets=f"{targets}, default: 1h"))


PACT_WITH_SEGMENTS = """
agreement: {{name: Test agreement, version: 1, timezone: UTC}}
parties:
  marketing: {{name: Marketing, team: Campaigns}}
  sales: {{name: Sales, team: Inside sales}}
people:
  - {{name: Max Muster, id: max, crm: ["u-max"]}}
  - {{name: Eva Example, id: eva, crm: ["u-eva"]}}
teams:
  - {{name: Inside sales, members: [max, eva], manager: max, queues: [q-inbound]}}
  - {{name: Campaigns, manager: eva}}
calendars:
  nonstop: {{week: {{daily: "00:00-24:00"}}}}
segments:
{segments}
clocks:
  handoff: {{targets: {{{targets}}}, settle: 30s, warnings: ["75%"]}}
  first_touch: {{targets: {{{targets}}}, settle: 30s, warnings: ["75%"]}}
"""


async def leads_curve(counts: Sequence[int] = LEADS) -> dict[str, Curve]:
    """Events of leads chosen all over a table of so many, a commit of 2,000 at a time: loaded, judged, written."""
    own: Curve = []
    database: Curve = []
    for count in counts:
        async with opened() as rig:
            due = datetime.now(UTC) + timedelta(minutes=30)
            span = Span(clocks=count, first=due, last=due + timedelta(minutes=20))
            await load_open_clocks(rig.database_url, [span], partitions=PARTITIONS)
            async with open_bench(rig.database_url, pact(), now=datetime.now(UTC)) as bench:
                editions = await bench.archive.editions()
                assert editions is not None
                owned = await _own(bench, InForce(editions))
                fetches = [_fetch(count, place) for place in range(BATCHES + 1)]
                await owned.take(fetches[0])
                with measuring(rig) as costs:
                    for fetch in fetches[1:]:
                        await owned.take(fetch)
        cost = costs[0].an_event(BATCH * BATCHES)
        own.append((count, cost.own))
        database.append((count, cost.database))
    return {"engine": own, "database": database}


async def _own(bench: Bench, in_force: InForce) -> Partition:
    claim = await bench.store.claim(0, owner="bench")
    return Partition(
        claim,
        store=bench.store,
        in_force=in_force,
        watcher=Unwatched(),
        clock=lambda: datetime.now(UTC),
        limits=Limits(),
    )


def _fetch(count: int, place: int) -> Fetch:
    """Touches of leads that lie far from each other in the table."""
    records = []
    for at in range(BATCH):
        number = (at * 7919 + place * 104_729) % count + 1
        now = datetime.now(UTC)
        first = open_story(number, now + timedelta(hours=1))[0]
        event = TouchLogged(
            id=f"{place:016x}{at:016x}",
            source=first.source,
            account=first.account,
            lead=first.lead,
            occurred_at=now,
            received_at=now,
            time_source=first.time_source,
            raw_id="",
            touch=f"call-{place}-{at}",
            channel=CALL.channel,
            direction=CALL.direction,
            performed_at=now,
            completed=True,
        )
        records.append(
            StoredRecord(
                offset=at, key=event.lead.encode(), value=lead_events.encode(event), headers=(), appended_at=now
            )
        )
    return Fetch(partition=0, records=records, position=(place + 1) * BATCH, read_through=None)


_last = lead_story(1)[-1]
assert isinstance(_last, TouchLogged)
CALL = _last


def partitions_curve(counts: Sequence[int] = PARTITION_COUNTS, events: int = DRAIN_EVENTS) -> Curve:
    """The drain, its events spread over so many partitions."""
    curve: Curve = []
    for count in counts:
        result = engine.measure(events, partitions=count)
        curve.append((count, result.engine.own + result.engine.database))
    return curve


def mixture_curve(counts: Sequence[int] = MIXTURES, events: int = DRAIN_EVENTS) -> Curve:
    """The drain, the events of so many leads coming in turns: the fewer they are, the more of a lead in one batch."""
    curve: Curve = []
    for count in counts:
        result = engine.measure(events, mixed=count)
        curve.append((count, result.engine.own + result.engine.database))
    return curve


async def measured() -> dict[str, object]:
    """All curves."""
    return {
        "history": history_curve(),
        "agreement": agreement_curve(),
        "leads": await leads_curve(),
        "partitions": await asyncio.to_thread(partitions_curve),
        "mixed": await asyncio.to_thread(mixture_curve),
    }


def main(arguments: Sequence[str]) -> None:
    """Print the curves; with `--json`, write them where they are drawn from."""
    curves = uvloop.run(measured())
    for name, curve in curves.items():
        print(f"{name}: {json.dumps(curve)}")
    if "--json" in arguments:
        Path(arguments[list(arguments).index("--json") + 1]).write_text(json.dumps(curves, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
