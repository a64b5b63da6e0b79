"""A person asks to be deleted: what ingest keeps of the lead, and what it passes on of it afterwards."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from ingest.adapters.postgres import Database, PostgresOblivion
from ingest.application.forgetting import Forgetting
from shared.database import open_pool
from shared.events import sla
from shared.events.cloudevents import forgotten_headers
from shared.events.topics import CRM_RECEIVED, SLA_EVENTS
from shared.streams.port import Fetch, StoredRecord
from tests.integration.ingest.translating import SOURCE, Parts, parts, published, request, until_caught_up, values_of

pytestmark = pytest.mark.postgres

MARK = "Quillfeather"
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
ADA, BEN = "form:acme:lead:ada-1", "form:acme:lead:ben-2"


def told(lead: str) -> Fetch:
    """The engine's word, as it is fetched."""
    event = sla.LeadForgotten(id=f"forgotten-{lead}", lead=lead, source="form", occurred_at=NOW, announced_at=NOW)
    record = StoredRecord(
        offset=7, key=lead.encode(), value=sla.encode(event), headers=forgotten_headers(event), appended_at=NOW
    )
    return Fetch(partition=1, records=[record], position=8, read_through=None)


@contextlib.asynccontextmanager
async def forgetting(url: str, there: Parts) -> AsyncIterator[tuple[Forgetting, "asyncpg.Pool[asyncpg.Record]"]]:
    database = Database(url)
    try:
        async with open_pool(url, application_name="test") as pool:
            work = Forgetting(stream=there.stream, oblivion=PostgresOblivion(database), sources={SOURCE.name: SOURCE})
            yield work, pool
    finally:
        await database.close()


async def everything(pool: "asyncpg.Pool[asyncpg.Record]") -> str:
    """All rows of all tables of ingest and of the log, as text."""
    found = []
    for schema in ("ingest", "stream"):
        tables = await pool.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = $1", schema)
        for table in tables:
            rows = await pool.fetch(f"SELECT * FROM {schema}.{table['table_name']}")
            found += [(table["table_name"], dict(row)) for row in rows if table["table_name"] != "records"]
            found += [("records", row["value"]) for row in rows if table["table_name"] == "records"]
    return repr(found)


def key_of(number: str) -> str:
    return next(lead for lead in (ADA, BEN) if lead.endswith(number))


async def test_requests_and_dead_letters_lose_what_is_about_the_lead_and_nothing_else(database_url: str) -> None:
    async with parts(database_url) as there, forgetting(database_url, there) as (work, pool):
        await there.receive(
            request({"id": "ada-1", "stage": "mql", "name": MARK}),
            request({"id": "ada-1", "stage": "no such stage", "name": MARK}),
            request(
                [
                    {"id": "ada-1", "stage": "no such stage", "name": MARK},
                    {"id": "ben-2", "stage": "no such stage", "name": "Ben"},
                    {"id": "ben-2", "stage": "mql", "name": "Ben"},
                ]
            ),
        )
        await until_caught_up(there.translating(), there.stream)
        (staged, *_) = await published(there.stream)
        assert staged.lead == ADA
        before = await there.letters.list(source=None, reason=None, open_only=True, limit=10)
        assert len(before) == 3
        assert MARK in await everything(pool)

        await work.take(told(ADA))
        await work.take(told(ADA))

        assert MARK not in await everything(pool)
        (letter,) = await there.letters.list(source=None, reason=None, open_only=True, limit=10)
        assert letter.letter.part == 1
        assert b"Ben" in letter.letter.request
        kept = [value for value in await values_of(there.stream, CRM_RECEIVED) if b"Ben" in value]
        assert len(kept) == 1


async def test_what_comes_later_is_neither_kept_nor_passed_on(database_url: str) -> None:
    async with parts(database_url) as there, forgetting(database_url, there) as (work, pool):
        await work.take(told(ADA))
        await there.receive(
            request({"id": "ada-1", "stage": "mql"}),
            request({"id": "ben-2", "stage": "mql"}),
            request({"id": "ada-1", "stage": "no such stage", "name": MARK}),
        )
        await until_caught_up(there.translating(), there.stream)
        assert [event.lead for event in await published(there.stream)] == [BEN]
        assert await pool.fetchval("SELECT count(*) FROM ingest.dead_requests") == 0


async def test_it_goes_on_where_it_left_off(database_url: str) -> None:
    async with parts(database_url) as there, forgetting(database_url, there) as (work, _):
        await there.stream.ensure_topic(SLA_EVENTS, partitions=2)
        assert await work.assigned([0, 1]) == {}
        await work.take(told(ADA))
        assert await work.assigned([0, 1]) == {1: 8}


async def test_what_was_not_translated_yet_stays_until_it_is(database_url: str) -> None:
    async with parts(database_url) as there, forgetting(database_url, there) as (work, pool):
        await there.receive(request([{"id": "ada-1", "name": MARK}, {"id": "ben-2", "stage": "mql"}]))
        await work.take(told(ADA))
        assert MARK in await everything(pool), "else what is told of others could be lost"
        await until_caught_up(there.translating(), there.stream)
        assert [event.lead for event in await published(there.stream)] == [BEN]
