"""Batches on a real database: what is durable after one, and what a second look at the same records changes."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec
import pytest

from shared.events.lead import LeadDeleted
from shared.events.sla import ObligationBreached
from sla_engine.application import advance
from sla_engine.application.explanation import explain
from sla_engine.application.partition import TooManyFailuresError
from sla_engine.application.ports import Fenced
from sla_engine.application.reading import ObligationFilter
from sla_engine.domain.editions import Editions, judge_under
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from sla_engine.domain.obligation import Verdict
from tests.support.engine_stack import Bench, open_bench
from tests.support.story_builder import EVA, MAX, QUEUE, Lead, agreement, utc

pytestmark = pytest.mark.postgres


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with open_bench(database_url, agreement(calendar="always"), now=utc("2024-01-08 12:00")) as made:
        yield made


def qualified(key: str = "crm:acc:lead-1", at: str = "2024-01-08 12:00") -> Lead:
    """A lead that qualified and was assigned to a person at once: the first touch is due an hour later."""
    lead = Lead(key=key)
    lead.created(at, {"name": "Ada Example"}, url="https://crm.example.test/1")
    lead.stage(at)
    lead.owner(at, MAX)
    return lead


async def test_a_batch_makes_everything_durable_at_once(bench: Bench) -> None:
    owned = await bench.own()
    bench.append(*qualified().events)

    await bench.read(owned)

    assert await bench.types() == ["handoff.opened", "first_touch.opened", "handoff.met"]
    found = await bench.reader.obligations(ObligationFilter(), after=None, limit=10)
    assert {(each.clock, each.state, each.lead_name) for each in found} == {
        ("handoff", "met", "Ada Example"),
        ("first_touch", "on_track", "Ada Example"),
    }
    assert await bench.rows("SELECT position, epoch FROM sla_engine.partitions") == [{"position": 3, "epoch": 1}]
    assert len(await bench.rows("SELECT * FROM sla_engine.wakeups")) == 1


async def test_a_deadline_fires_once_its_time_and_settle_time_have_come(bench: Bench) -> None:
    owned = await bench.own()
    bench.append(*qualified().events)
    await bench.read(owned)

    await bench.pass_time(owned, 3629, step_seconds=60)
    assert await bench.types() == [
        "handoff.opened", "first_touch.opened", "handoff.met", "first_touch.at_risk",
    ]  # fmt: skip
    await bench.pass_time(owned, 1)

    breach = (await bench.said())[-1]
    assert isinstance(breach, ObligationBreached)
    assert breach.occurred_at == utc("2024-01-08 13:00")
    assert breach.announced_at == utc("2024-01-08 13:00:30")
    assert not breach.late
    found = await bench.reader.obligation(breach.obligation)
    assert found is not None
    assert (found.state, found.outcome, found.said_transition) == ("breached", "breached", "breached")


async def test_redelivered_records_change_nothing(bench: Bench) -> None:
    lead = qualified()
    first = await bench.own()
    bench.append(*lead.events, *lead.events)
    await bench.read(first)
    said = await bench.types()
    leads = await bench.rows("SELECT * FROM sla_engine.leads")

    bench.append(*lead.events)
    await bench.read(first)
    again = await bench.own()
    again.position = 0  # as if the position had not been stored
    await bench.read(again)

    assert await bench.types() == said
    assert await bench.rows("SELECT * FROM sla_engine.leads") == leads


async def test_a_zombie_commits_nothing(bench: Bench) -> None:
    zombie = await bench.own()
    bench.append(*qualified().events)
    await bench.read(zombie)
    successor = await bench.own()
    bench.append(*qualified("crm:acc:lead-2").events)

    with pytest.raises(Fenced):
        await bench.read(zombie)

    assert len(await bench.rows("SELECT * FROM sla_engine.leads")) == 1
    await bench.read(successor)
    assert [row["key"] for row in await bench.rows("SELECT key FROM sla_engine.leads ORDER BY id")] == [
        "crm:acc:lead-1",
        "crm:acc:lead-2",
    ]


async def test_a_zombie_fires_no_deadline(bench: Bench) -> None:
    zombie = await bench.own()
    bench.append(*qualified().events)
    await bench.read(zombie)
    await bench.own()
    before = await bench.types()

    with pytest.raises(Fenced):
        await bench.pass_time(zombie, 7200)

    assert await bench.types() == before


async def test_unread_backlog_that_stops_a_clock_prevents_the_breach(bench: Bench) -> None:
    """The gate: after a restart the deadline has long passed, and the touch that kept it lies unread in the log."""
    lead = qualified()
    owned = await bench.own()
    bench.append(*lead.events)
    await bench.read(owned)
    other = qualified("crm:acc:lead-2", at="2024-01-08 12:10")
    bench.append(*other.events, lead.touch("2024-01-08 12:30"))
    bench.now = utc("2024-01-08 14:00")

    restarted = await bench.own()
    while restarted.position != len(bench.log[0]):
        assert "first_touch.breached" not in await bench.types()
        await bench.read(restarted, most=1)
    await bench.read(restarted)

    said = [(each.lead, type(each).__name__) for each in await bench.said() if each.clock == "first_touch"]
    assert said == [
        ("crm:acc:lead-1", "ObligationOpened"),
        ("crm:acc:lead-2", "ObligationOpened"),
        ("crm:acc:lead-1", "ObligationMet"),
        ("crm:acc:lead-2", "ObligationBreached"),
    ]


async def test_what_fell_due_in_an_outage_is_announced_once_oldest_first_and_marked_late(bench: Bench) -> None:
    owned = await bench.own()
    bench.append(*qualified("crm:acc:b", at="2024-01-08 12:00:20").events)
    bench.append(*qualified("crm:acc:a", at="2024-01-08 12:00:40").events)
    bench.append(*qualified("crm:acc:c", at="2024-01-08 12:00:00").events)
    bench.now = utc("2024-01-08 12:01")
    await bench.read(owned)
    bench.now = utc("2024-01-08 18:00")

    await bench.read(await bench.own())

    late = [each for each in await bench.said() if each.announced_at == bench.now]
    assert [(each.lead, type(each).__name__) for each in late] == [
        ("crm:acc:c", "ObligationBreached"),
        ("crm:acc:b", "ObligationBreached"),
        ("crm:acc:a", "ObligationBreached"),
    ]
    assert all(each.late for each in late)


async def test_a_record_that_can_not_be_read_is_put_aside_and_the_rest_goes_on(bench: Bench) -> None:
    owned = await bench.own()
    bench.append(b"{", b'{"type": "lead.unheard_of"}', *qualified().events, qualified("").events[0])

    await bench.read(owned)

    letters = await bench.rows("SELECT record_offset, value, reason FROM sla_engine.dead_letters ORDER BY 1")
    assert [(row["record_offset"], row["reason"]) for row in letters] == [
        (0, "unreadable"),
        (1, "unreadable"),
        (5, "unreadable"),
    ]
    assert letters[0]["value"] == b"{"
    assert bench.watcher.dead == {"unreadable": 3}
    assert len(await bench.types()) == 3


async def test_a_lead_that_breaks_the_core_is_put_aside_and_does_not_come_up_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted fault stands for the one that we do not know yet."""
    owned = await bench.own()
    bad = qualified("crm:acc:bad")
    bench.append(*qualified("crm:acc:good").events, *bad.events)
    await bench.read(owned)

    def faulty(history: History, by: Editions, now: datetime) -> Verdict:
        if history.lead == "crm:acc:bad":
            raise ZeroDivisionError
        return judge_under(history, by, now)

    monkeypatch.setattr(advance, "judge_under", faulty)
    bench.append(bad.knows("2024-01-08 12:01", size=1))
    await bench.pass_time(owned, 7200, step_seconds=600)

    breached = [each.lead for each in await bench.said() if isinstance(each, ObligationBreached)]
    assert breached == ["crm:acc:good"]
    letters = await bench.rows("SELECT record_offset, reason FROM sla_engine.dead_letters")
    assert letters == [{"record_offset": 6, "reason": "unjudgeable"}]
    monkeypatch.undo()
    assert (await bench.own()).agenda.next_us() < to_us(bench.now), "the next start tries it again"


async def test_a_batch_of_nothing_but_failures_stops_the_engine_instead_of_being_put_aside(bench: Bench) -> None:
    owned = await bench.own()
    bench.append(*qualified().events, *[b"{"] * 150)

    with pytest.raises(TooManyFailuresError, match="150 of 153 records"):
        await bench.read(owned)

    assert await bench.rows("SELECT * FROM sla_engine.dead_letters") == []
    assert await bench.rows("SELECT position FROM sla_engine.partitions") == [{"position": None}]


async def test_a_lead_that_the_database_refuses_is_put_aside_and_the_others_are_stored(bench: Bench) -> None:
    owned = await bench.own()
    huge = "crm:acc:" + "".join(f"{number:x}" for number in range(4000))  # no index takes a key of this length
    bench.append(*qualified("crm:acc:a").events, *qualified(huge).events, *qualified("crm:acc:z").events)

    await bench.read(owned)

    stored = await bench.rows("SELECT key FROM sla_engine.leads ORDER BY key")
    assert [row["key"] for row in stored] == ["crm:acc:a", "crm:acc:z"]
    letters = await bench.rows("SELECT record_offset, reason FROM sla_engine.dead_letters ORDER BY 1")
    assert [tuple(row.values()) for row in letters] == [(3, "unstorable"), (4, "unstorable"), (5, "unstorable")]
    assert owned.position == 9
    assert bench.watcher.dead == {"unstorable": 3}


async def test_texts_with_nul_are_stored_without_it(bench: Bench) -> None:
    lead = Lead(key="crm:acc:nul")
    lead.created("2024-01-08 12:00", {"name": "Ada\0 Example"}, url="https://crm.example.test/\0")
    lead.stage("2024-01-08 12:00")
    owned = await bench.own()
    bench.append(*lead.events)

    await bench.read(owned)

    assert [row["name"] for row in await bench.rows("SELECT name FROM sla_engine.leads")] == ["Ada Example"]


async def test_only_the_near_horizon_is_in_memory_and_the_rest_follows(bench: Bench) -> None:
    owned = await bench.own()
    soon, later = qualified("crm:acc:soon"), qualified("crm:acc:later", at="2024-01-08 12:30")
    bench.append(*soon.events, *later.events)
    bench.now = utc("2024-01-08 12:38")
    await bench.read(owned)

    restarted = await bench.own()
    assert len(restarted.agenda) == 1
    await bench.pass_time(restarted, 7200, step_seconds=60)

    breached = [each.lead for each in await bench.said() if isinstance(each, ObligationBreached)]
    assert breached == ["crm:acc:soon", "crm:acc:later"]


async def test_a_privacy_deletion_removes_personal_data_and_keeps_the_counts(bench: Bench) -> None:
    owned = await bench.own()
    lead = qualified()
    bench.append(*lead.events)
    await bench.read(owned)
    await bench.pass_time(owned, 4000, step_seconds=100)
    deleted = LeadDeleted(**{**msgspec.structs.asdict(lead.deleted("2024-01-08 13:10")), "privacy": True})
    bench.append(deleted)
    await bench.read(owned)

    [row] = await bench.rows("SELECT name, crm_url, history FROM sla_engine.leads")
    assert (row["name"], row["crm_url"]) == ("(deleted)", None)
    assert b"Ada" not in row["history"]
    assert b"example.test" not in row["history"]
    outcomes = await bench.rows("SELECT clock, outcome FROM sla_engine.obligations ORDER BY clock")
    assert [tuple(each.values()) for each in outcomes] == [("first_touch", "breached"), ("handoff", "met")]

    bench.append(lead.knows("2024-01-08 13:20", name="Ada Again"))
    await bench.read(await bench.own())

    assert await bench.rows("SELECT name, crm_url, history FROM sla_engine.leads") == [row]
    record = await bench.reader.lead(lead.key)
    assert record is not None
    explained = explain(record, bench.in_force.editions, bench.now)
    assert (explained.name, explained.forgotten, list(explained.obligations)) == ("(deleted)", True, [])


async def test_a_reassignment_moves_the_row_to_the_new_holder(bench: Bench) -> None:
    lead = Lead()
    lead.created("2024-01-08 12:00")
    lead.stage("2024-01-08 12:00")
    lead.owner("2024-01-08 12:00", QUEUE)
    owned = await bench.own()
    bench.append(*lead.events)
    await bench.read(owned)
    bench.append(lead.owner("2024-01-08 12:10", MAX), lead.owner("2024-01-08 12:20", EVA))
    bench.now = utc("2024-01-08 12:21")
    await bench.read(owned)

    found = await bench.reader.obligations(ObligationFilter(clock="first_touch"), after=None, limit=10)
    assert [(each.owner_name, each.team) for each in found] == [("Eva Example", "Inside sales")]
