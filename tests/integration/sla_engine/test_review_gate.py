"""What a lead's own facts may and may not prove about the log that was not read yet."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sla_engine.application.reading import ObligationFilter
from tests.support.engine_stack import Bench, open_bench
from tests.support.story_builder import MAX, Lead, agreement, utc

pytestmark = pytest.mark.postgres


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with open_bench(database_url, agreement(calendar="always"), now=utc("2024-01-08 12:00")) as made:
        yield made


def qualified(key: str = "crm:acc:lead-1") -> Lead:
    lead = Lead(key=key)
    lead.created("2024-01-08 12:00")
    lead.stage("2024-01-08 12:00")
    lead.owner("2024-01-08 12:00", MAX)
    return lead


async def test_a_planned_meeting_proves_nothing_about_the_backlog(bench: Bench) -> None:
    lead = qualified()
    bench.append(*lead.events, lead.touch("2024-01-08 15:00", completed=False))
    await bench.read(await bench.own())

    bench.now = utc("2024-01-08 14:00")  # down since: the touch of 12:40 waits in the log
    bench.append(lead.knows("2024-01-08 12:10", industry="tea"), lead.touch("2024-01-08 12:40"))
    owned = await bench.own()
    await bench.read(owned, most=1)
    assert "first_touch.breached" not in await bench.types()
    await bench.read(owned)

    assert await bench.types() == [
        "handoff.opened", "first_touch.opened", "handoff.met", "first_touch.met",
    ]  # fmt: skip


async def test_a_clock_set_back_takes_nothing_back(bench: Bench) -> None:
    lead = qualified()
    bench.append(*lead.events)
    owned = await bench.own()
    await bench.read(owned)
    await bench.pass_time(owned, 3700, step_seconds=60)
    assert (await bench.types())[-1] == "first_touch.breached"

    bench.now -= timedelta(seconds=300)
    bench.append(lead.knows("2024-01-08 12:30", industry="tea"))
    await bench.read(owned)

    assert (await bench.types())[-1] == "first_touch.breached"
    found = await bench.reader.obligations(ObligationFilter(), after=None, limit=10)
    assert {each.state for each in found} == {"met", "breached"}
