"""A person asks to be deleted: what the engine keeps of the lead afterwards, and what still counts."""

import msgspec
import pytest

from shared.events import lead as lead_events
from shared.events import sla
from shared.events.lead import LeadDeleted, LeadEvent
from shared.events.topics import LEAD_EVENTS
from shared.streams.port import Record
from shared.streams.postgres import PostgresOptions, PostgresStream
from sla_engine.adapters.oblivion import PostgresOblivion
from sla_engine.application.erasing import Erasing
from tests.support.engine_stack import Bench, open_bench, pact
from tests.support.story_builder import MAX, Lead, utc

pytestmark = pytest.mark.postgres

MARK = "Quillfeather"
START = "2024-01-08 10:00"
LOSER, WINNER = "crm:acc:loser", "crm:acc:winner"


def person(key: str, at: str = START) -> Lead:
    """A lead about which all that can name a person was told."""
    lead = Lead(key)
    lead.created(at, {"name": f"Ada {MARK}", "email": f"ada@{MARK}.test", "company": MARK}, url=f"https://crm/{MARK}")
    lead.stage(at)
    lead.owner(at, MAX)
    return lead


def unique(lead: Lead) -> list[LeadEvent]:
    return [msgspec.structs.replace(each, id=f"{lead.key}-{each.id}") for each in lead.events]


def asked(key: str, at: str = "2024-01-08 13:00") -> LeadDeleted:
    lead = Lead(key)
    deleted = lead.deleted(at)
    assert isinstance(deleted, LeadDeleted)
    return msgspec.structs.replace(deleted, id=f"{key}-asked", privacy=True)


async def everything(bench: Bench) -> str:
    """All rows of all tables of the engine, as text."""
    tables = await bench.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'sla_engine'")
    found = [await bench.rows(f"SELECT * FROM sla_engine.{each['table_name']}") for each in tables]
    return repr(found)


async def counts(bench: Bench) -> list[dict[str, object]]:
    return await bench.rows(
        "SELECT clock, state, outcome, owner, decided_at FROM sla_engine.obligations ORDER BY clock, started_at"
    )


async def test_nothing_personal_stays_and_promises_still_count(database_url: str) -> None:
    async with open_bench(database_url, pact(), now=utc(START)) as bench:
        owned = await bench.own()
        lead = person(LOSER)
        bench.append(*unique(lead))
        await bench.read(owned)
        await bench.pass_time(owned, 2 * 3600, step_seconds=600)
        lead.rejected("2024-01-08 12:10", reason=f"{MARK} was rude")
        bench.append(*unique(lead)[3:])
        bench.append(b'{"type": "lead.created", "lead": "%b", "name": "%b"' % (LOSER.encode(), MARK.encode()))
        await bench.read(owned)
        before = await counts(bench)
        assert MARK in await everything(bench)

        bench.append(asked(LOSER))
        await bench.read(owned)

        assert MARK not in await everything(bench)
        after = await counts(bench)
        assert [row["outcome"] for row in after] == [row["outcome"] for row in before] == ["breached", "met"]
        rows = await bench.rows("SELECT value FROM sla_engine.outbox WHERE topic = 'sla.events' ORDER BY id")
        *_, said = rows
        assert isinstance(sla.decode_any(said["value"]), sla.LeadForgotten)


async def test_why_something_was_taken_back_is_not_kept_either(database_url: str) -> None:
    async with open_bench(database_url, pact(), now=utc(START)) as bench:
        owned = await bench.own()
        lead = person(LOSER)
        bench.append(*unique(lead))
        await bench.read(owned)
        await bench.pass_time(owned, 2 * 3600, step_seconds=600)
        lead.rejected("2024-01-08 10:10", reason=f"{MARK} was rude")
        bench.append(*unique(lead)[3:])
        await bench.read(owned)
        assert f"{MARK} was rude" in repr(await bench.rows("SELECT announced FROM sla_engine.leads"))
        standing = await counts(bench)
        bench.append(asked(LOSER))
        await bench.read(owned)
        assert MARK not in await everything(bench)
        assert await counts(bench) == standing


async def test_what_comes_later_is_not_kept(database_url: str) -> None:
    async with open_bench(database_url, pact(), now=utc(START)) as bench:
        owned = await bench.own()
        bench.append(asked(LOSER, START))
        await bench.read(owned)
        bench.append(*unique(person(LOSER)))
        broken = lead_events.encode(unique(person(LOSER))[0])[:-1]
        log = bench.log[0]
        bench.append(broken)
        log[-1] = msgspec.structs.replace(log[-1], key=LOSER.encode())
        await bench.read(owned)
        assert MARK not in await everything(bench)
        assert await bench.rows("SELECT 1 AS one FROM sla_engine.dead_letters WHERE value = ''") == [{"one": 1}]


@pytest.mark.parametrize("first", [LOSER, WINNER])
async def test_a_person_is_forgotten_under_every_key(database_url: str, first: str) -> None:
    async with open_bench(database_url, pact(), now=utc(START)) as bench:
        owned = await bench.own()
        loser, winner = person(LOSER), person(WINNER)
        loser.merged("2024-01-08 11:00", WINNER)
        bench.append(*unique(loser), *unique(winner))
        await settle(bench)

        bench.append(asked(first))
        await settle(bench)

        assert MARK not in await everything(bench)
        forgotten = await bench.rows("SELECT key FROM sla_engine.forgotten ORDER BY key")
        assert [row["key"] for row in forgotten] == [LOSER, WINNER]
        assert owned.number == 0


@pytest.mark.parametrize("first", [LOSER, WINNER])
async def test_also_where_the_merge_is_told_only_afterwards(database_url: str, first: str) -> None:
    async with open_bench(database_url, pact(), now=utc(START)) as bench:
        loser, winner = person(LOSER), person(WINNER)
        bench.append(*unique(loser), *unique(winner), asked(first))
        await settle(bench)
        assert MARK in await everything(bench), "the other is not known to be the same person"
        loser.merged("2024-01-08 11:00", WINNER)
        bench.append(unique(loser)[-1])
        await settle(bench)
        assert MARK not in await everything(bench)


async def settle(bench: Bench) -> None:
    """Read, and bring what leads tell one another from the outbox to the log, until nothing moves any more."""
    owned = await bench.own()
    for _ in range(10):
        await bench.read(owned)
        rows = await bench.rows("DELETE FROM sla_engine.outbox WHERE topic = 'lead.events' RETURNING id, value")
        if not rows:
            return
        bench.append(*[bytes(row["value"]) for row in sorted(rows, key=lambda row: row["id"])])
    raise AssertionError("they talk without end")


async def test_what_leads_told_of_one_another_and_was_not_published_yet_is_not(database_url: str) -> None:
    async with open_bench(database_url, pact(), now=utc(START)) as bench:
        owned = await bench.own()
        loser = person(LOSER)
        loser.merged("2024-01-08 11:00", WINNER)
        bench.append(*unique(loser))
        await bench.read(owned)
        assert MARK in await everything(bench)
        bench.append(asked(LOSER))
        await bench.read(owned)
        assert MARK not in await everything(bench)
        told = await bench.rows("SELECT value FROM sla_engine.outbox WHERE topic = 'lead.events'")
        assert [type(lead_events.decode(row["value"])) for row in told] == [LeadDeleted]


async def test_a_lead_whose_key_begins_alike_keeps_everything(database_url: str) -> None:
    async with open_bench(database_url, pact(), now=utc(START)) as bench:
        owned = await bench.own()
        other = b'{"type": "lead.created", "lead": "%b2", "name": "Kim Other"' % LOSER.encode()
        bench.append(*unique(person(LOSER)), *unique(person(f"{LOSER}2")), other)
        await bench.read(owned)
        bench.append(asked(LOSER))
        await bench.read(owned)
        assert MARK in await everything(bench)
        assert "Kim Other" in await everything(bench)


async def test_the_log_in_postgresql_is_erased_as_far_as_it_was_taken_in(database_url: str) -> None:
    async with (
        PostgresStream(PostgresOptions(dsn=database_url, client_id="test")) as stream,
        open_bench(database_url, pact(), now=utc(START)) as bench,
    ):
        await stream.ensure_topic(LEAD_EVENTS, partitions=1)
        owned = await bench.own()
        events = [*unique(person(LOSER)), asked(LOSER)]
        bench.append(*events)
        await bench.read(owned)
        late = [*events, unique(person(LOSER))[0]]
        await stream.append(
            LEAD_EVENTS, [Record(key=LOSER.encode(), value=lead_events.encode(event)) for event in late]
        )
        erasing = Erasing(
            stream=stream, oblivion=PostgresOblivion(bench.pool, database_url=database_url), clock=lambda: bench.now
        )

        assert not await erasing.run_once()

        left = await bench.rows('SELECT "offset" FROM stream.records')
        assert left == [{"offset": len(events)}], "what the engine has not read yet is not erased"
        bench.append(late[-1])
        await bench.read(owned)
        await erasing.run_once()
        assert await bench.rows("SELECT 1 FROM stream.records") == []
