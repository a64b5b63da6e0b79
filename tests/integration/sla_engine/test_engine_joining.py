"""A merged lead and its winner in different partitions, owned by different processes."""

import msgspec
import pytest

from shared.events import lead as lead_events
from shared.events.lead import LeadEvent, LeadJoined
from sla_engine.application.partition import Partition
from tests.support.engine_stack import Bench, open_bench, pact
from tests.support.sla_nets import standing_of
from tests.support.story_builder import MAX, Lead, utc

pytestmark = pytest.mark.postgres

START = "2024-01-08 10:00"
PARTITIONS = {"crm:acc:loser": 0, "crm:acc:winner": 1, "crm:acc:other": 2}
LOSER, WINNER, OTHER = PARTITIONS


def named(lead: Lead) -> list[LeadEvent]:
    return [msgspec.structs.replace(each, id=f"{lead.key}-{each.id}") for each in lead.events]


def tell(bench: Bench, *events: LeadEvent) -> None:
    for event in events:
        bench.append(event, partition=PARTITIONS[event.lead])


async def relay(bench: Bench, *, times: int = 1) -> int:
    """Publish what leads are told of one another, each record so many times; how many there were."""
    rows = await bench.rows(
        "SELECT id, value FROM sla_engine.outbox WHERE topic = 'lead.events' ORDER BY partition, id"
    )
    for row in rows:
        tell(bench, *[lead_events.decode(row["value"])] * times)
    await bench.pool.execute("DELETE FROM sla_engine.outbox WHERE topic = 'lead.events'")
    return len(rows)


async def settle(bench: Bench, owners: list[Partition], *, times: int = 1) -> None:
    """All read what there is, until nobody has anything to tell."""
    for _ in range(20):
        for owned in owners:
            await bench.read(owned)
        if not await relay(bench, times=times):
            return
    raise AssertionError("they talk without end")


@pytest.mark.parametrize("times", [1, 2])
async def test_the_winner_learns_in_its_own_partition_however_often_it_is_told(database_url: str, times: int) -> None:
    async with open_bench(database_url, pact(), now=utc(START)) as bench:
        owners = [await bench.own(number) for number in range(3)]
        winner, loser = Lead(WINNER), Lead(LOSER)
        winner.stage(START)
        winner.owner(START, MAX)
        loser.touch("2024-01-08 10:30")
        tell(bench, *named(winner))
        await settle(bench, owners)
        bench.now = utc("2024-01-08 11:10")
        await settle(bench, owners)
        assert "first_touch.breached" in await standing_of(bench, WINNER)

        loser.merged("2024-01-08 11:05", OTHER)
        tell(bench, *named(loser))
        other = Lead(OTHER)
        other.merged("2024-01-08 11:06", WINNER)
        tell(bench, *named(other))
        await settle(bench, owners, times=times)

        assert await standing_of(bench, WINNER) == [
            "first_touch.met", "first_touch.opened", "handoff.met", "handoff.opened",
        ]  # fmt: skip


async def test_what_was_decided_but_not_published_is_told_after_a_crash(database_url: str) -> None:
    async with open_bench(database_url, pact(), now=utc(START)) as bench:
        owned = await bench.own(0)
        loser = Lead(LOSER)
        loser.touch("2024-01-08 09:00")
        loser.merged("2024-01-08 09:30", WINNER)
        tell(bench, *named(loser))
        await bench.read(owned)
        waiting = await bench.rows("SELECT value FROM sla_engine.outbox WHERE topic = 'lead.events'")
        assert [type(lead_events.decode(row["value"])) for row in waiting] == [LeadJoined]

        owners = [await bench.own(number) for number in range(3)]  # everybody else died; all is read again
        owners[0].position = 0
        await settle(bench, owners, times=2)

        history = await bench.rows("SELECT history FROM sla_engine.leads WHERE key = $1", WINNER)
        assert len(history) == 1
        assert named(loser)[0].id.encode() in history[0]["history"]
        assert not await relay(bench), "a history that is known is not told again"
