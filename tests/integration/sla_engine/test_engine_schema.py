"""The engine's schema: from nothing, from each revision before, and with the indexes that its lists count on."""

from collections.abc import AsyncIterator

import pytest

from shared.database.migrations import current, pending, upgrade
from sla_engine.adapters.list_query import list_query
from sla_engine.adapters.queries import OPEN_LEADS
from sla_engine.adapters.schema import MIGRATIONS
from sla_engine.application.dossier import filed_to_bytes
from sla_engine.application.reading import ObligationFilter, Place
from sla_engine.domain.announced import Announced
from sla_engine.domain.history import History
from tests.support.engine_stack import Bench, open_bench, pact
from tests.support.story_builder import MAX, Lead, utc

pytestmark = pytest.mark.postgres

NOW = utc("2024-01-08 12:00")
EARLIER_LEAD = """
INSERT INTO sla_engine.leads (key, partition, source, name, history, announced, filed)
VALUES ($1, 0, 'crm', 'Ada', $2, $3, $4)
"""


async def test_it_is_made_in_one_go_and_again_without_effect(database_url: str) -> None:
    assert await upgrade(database_url, MIGRATIONS) == MIGRATIONS.revisions()
    assert await upgrade(database_url, MIGRATIONS) == []
    assert await pending(database_url, MIGRATIONS) == []


async def test_what_an_earlier_revision_stored_survives_the_upgrade(database_url: str) -> None:
    *_, before, latest = MIGRATIONS.revisions()
    await upgrade(database_url, MIGRATIONS, before)
    assert await pending(database_url, MIGRATIONS) == [latest]
    lead = Lead()
    lead.created("2024-01-08 12:00")
    lead.stage("2024-01-08 12:00")
    history = History.of(lead.events).to_bytes()
    async with open_bench(database_url, pact(), now=NOW, migrate=False) as bench:
        await bench.pool.execute(EARLIER_LEAD, lead.key, history, Announced().to_bytes(), filed_to_bytes({}))
        await bench.pool.execute("INSERT INTO sla_engine.partitions (partition, epoch, owner) VALUES (0, 7, 'before')")

    await upgrade(database_url, MIGRATIONS)

    assert await current(database_url, MIGRATIONS) == latest
    async with open_bench(database_url, pact(), now=NOW) as bench:
        bench.append(*lead.events, lead.owner("2024-01-08 12:00", MAX))
        await bench.read(await bench.own(), most=99)
        assert [row["state"] for row in await bench.rows("SELECT state FROM sla_engine.obligations ORDER BY 1")] == [
            "met",
            "on_track",
        ]


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    """20,000 promises, nearly all closed."""
    async with open_bench(database_url, pact(), now=NOW) as made:
        await made.rows("""
            INSERT INTO sla_engine.leads (key, partition, source, name, history, announced, filed)
            SELECT 'k' || n, 0, 'crm', 'n', '', '', '' FROM generate_series(1, 10000) n""")
        await made.rows("""
            INSERT INTO sla_engine.obligations (id, lead, clock, clock_name, cycle, segment, team, owner, owner_name,
              state, outcome, started_at, deadline, stopped_at, decided_at, target_us, agreement_version, reason)
            SELECT gen_random_uuid(), n % 10000 + 1, 'first_touch', 'c', n / 10000, 's', 't', 'o', 'o',
              CASE WHEN n % 1000 = 0 THEN 'on_track' WHEN n % 1000 = 1 THEN 'breached' ELSE 'met' END,
              CASE WHEN n % 1000 = 0 THEN NULL WHEN n % 1000 = 1 THEN 'breached' ELSE 'met' END,
              now(), now() + n * interval '1 second', CASE WHEN n % 1000 < 2 THEN NULL ELSE now() END, now(), 1, 'v', ''
            FROM generate_series(0, 19999) n""")
        await made.pool.execute("ANALYZE sla_engine.obligations, sla_engine.leads")
        yield made


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (ObligationFilter(states=["on_track", "at_risk"]), "obligations_open"),
        (ObligationFilter(states=["breached", "met_late"], newest_first=True), "obligations_broken"),
        (ObligationFilter(), "obligations_by_deadline"),
        (ObligationFilter(lead="k7"), "obligations_by_lead"),
    ],
)
async def test_lists_are_read_from_the_index_that_fits(bench: Bench, wanted: ObligationFilter, index: str) -> None:
    query = list_query(wanted, after=Place(deadline=NOW, id="0" * 32) if not wanted.newest_first else None, limit=50)
    plan = await bench.rows("EXPLAIN " + query.text, *query.arguments)
    assert index in "\n".join(row["QUERY PLAN"] for row in plan)


async def test_open_leads_are_found_without_reading_closed_ones(bench: Bench) -> None:
    plan = await bench.rows("EXPLAIN " + OPEN_LEADS, 0, 0, 100)
    text = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "obligations_open" in text
    assert "Seq Scan on obligations" not in text
