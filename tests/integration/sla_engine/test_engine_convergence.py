"""Whatever the order, the doubling and the restarts: what stands announced, and what is stored, comes out the same."""

import random
from datetime import timedelta

import pytest

from shared.events.lead import LeadEvent
from shared.events.sla import AnySlaEvent
from tests.support.engine_stack import Bench, open_bench, pact
from tests.support.postgres_server import fresh_database
from tests.support.story_builder import EVA, MAX, QUEUE, Lead, net, utc

pytestmark = pytest.mark.postgres

START = "2024-01-08 09:00"
END = utc("2024-01-08 18:00")
SEEDS = range(6)
ROWS = """
SELECT o.id::text, l.key, o.state, o.outcome, o.started_at, o.deadline, o.stopped_at, o.decided_at, o.business_us,
       o.owner, o.reason
FROM sla_engine.obligations o JOIN sla_engine.leads l ON l.id = o.lead WHERE o.state <> 'withdrawn' ORDER BY 1
"""


def stories() -> list[LeadEvent]:
    """Five leads: kept, late, handed round, sent back and qualified again, rejected; all on one morning."""
    kept, late, passed, again, rejected = (Lead(key=f"crm:acc:{number}") for number in range(5))
    for lead in (kept, late, passed, again, rejected):
        lead.created("2024-01-08 09:00", {"name": lead.key})
        lead.stage("2024-01-08 09:00")
    for lead in (kept, late, again, rejected):
        lead.owner("2024-01-08 09:05", MAX)
    kept.touch("2024-01-08 09:40", completed=False, activity="call")
    kept.touch("2024-01-08 09:50", activity="call", written="2024-01-08 09:51")
    late.touch("2024-01-08 10:30")
    passed.owner("2024-01-08 09:10", QUEUE)
    passed.owner("2024-01-08 10:20", MAX)
    passed.owner("2024-01-08 10:40", EVA)
    again.stage("2024-01-08 09:20", "recycled")
    again.stage("2024-01-08 11:00")
    rejected.rejected("2024-01-08 09:30")
    return [event for lead in (kept, late, passed, again, rejected) for event in lead.events]


async def outcome(bench: Bench) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """What stands announced per lead, warnings apart (given in time or not at all), and the stored rows."""
    by_lead: dict[str, list[AnySlaEvent]] = {}
    for event in await bench.said():
        by_lead.setdefault(event.lead, []).append(event)
    standing = [(lead, *each) for lead, said in sorted(by_lead.items()) for each in net(said)]
    stored = [tuple(row.values()) for row in await bench.rows(ROWS)]
    return [each for each in standing if each[1] != "obligation.at_risk"], stored


async def in_order(bench: Bench) -> None:
    """Every event arrives when it happens."""
    owned = await bench.own()
    for event in sorted(stories(), key=lambda each: each.at):
        bench.now = max(bench.now, event.at)
        bench.append(event)
        await bench.read(owned)
    await bench.pass_time(owned, (END - bench.now).total_seconds(), step_seconds=300)


async def at_random(bench: Bench, chance: random.Random) -> None:
    """Events arrive late, doubled and in any order, in batches of any size, and the owner is replaced now and then."""
    events = stories() + chance.sample(stories(), 8)
    chance.shuffle(events)
    owned = await bench.own()
    while events:
        arriving, events = events[: (size := chance.randint(1, 6))], events[size:]
        bench.append(*arriving)
        bench.now = min(bench.now + timedelta(minutes=chance.randint(0, 40)), END)
        if chance.random() < 0.3:
            owned = await bench.own()
        while owned.position != len(bench.log[0]):
            await bench.read(owned, most=chance.randint(1, 5))
        await bench.read(owned)
    bench.now = END
    await bench.read(owned)


@pytest.fixture
async def expected(postgres_server: str) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    async with fresh_database(postgres_server) as url, open_bench(url, pact(), now=utc(START)) as bench:
        await in_order(bench)
        return await outcome(bench)


async def test_any_order_of_arrival_converges(
    postgres_server: str, expected: tuple[list[tuple[object, ...]], list[tuple[object, ...]]]
) -> None:
    assert len(expected[0]) > 12, "the stories say something"
    for seed in SEEDS:
        async with fresh_database(postgres_server) as url, open_bench(url, pact(), now=utc(START)) as bench:
            await at_random(bench, random.Random(seed))
            assert await outcome(bench) == expected, f"seed {seed}"
