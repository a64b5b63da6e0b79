"""What a lead's own facts prove about the unread log, clocks that disagree, and events that break a lead or a batch."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.events.sla import ObligationBreached
from sla_engine.adapters.store import PostgresStore
from sla_engine.application.ports import Commit, StoreUnavailable
from sla_engine.application.reading import ObligationFilter
from sla_engine.domain.instants import to_us
from tests.support.engine_stack import Bench, open_bench
from tests.support.story_builder import MAX, Lead, agreement, utc

pytestmark = pytest.mark.postgres


class DiesAtCommit(PostgresStore):
    """A store whose process dies at one of its commits."""

    def __init__(self, store: PostgresStore, *, number: int) -> None:
        super().__init__(store._pool, database_url=store._url)
        self._left = number

    async def commit(self, commit: Commit) -> Mapping[str, int]:
        self._left -= 1
        if self._left == 0:
            raise StoreUnavailable("died")
        return await super().commit(commit)


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


async def test_an_owner_whose_clock_was_ahead_leaves_no_open_gate(bench: Bench) -> None:
    """Else its successor would take an unread backlog for read, and break promises that were kept."""
    right = datetime.now(UTC)
    bench.now = right + timedelta(hours=1)
    bench.append(*qualified().events)
    await bench.read(await bench.own())

    [row] = await bench.rows("SELECT through_us FROM sla_engine.partitions")
    assert to_us(right) <= row["through_us"] <= to_us(datetime.now(UTC))


async def test_once_a_clock_is_right_again_its_gate_is_as_well(bench: Bench) -> None:
    """What was called known while the clock was ahead is not known: a backlog may lie there."""
    owned = await bench.own()
    bench.now += timedelta(hours=3)
    await bench.read(owned)
    bench.now -= timedelta(hours=3)
    lead = qualified()
    bench.append(*lead.events)
    await bench.read(owned)

    bench.now += timedelta(hours=2)
    bench.append(lead.knows("2024-01-08 12:20", industry="tea"), lead.touch("2024-01-08 12:30"))
    await bench.read(owned, most=1)
    assert "first_touch.breached" not in await bench.types()

    await bench.read(owned)
    assert "first_touch.met" in await bench.types()


async def test_a_batch_stored_lead_by_lead_opens_the_gate_only_at_its_end(bench: Bench) -> None:
    """A crash in the middle: what the rest of the batch says is not known to the next owner yet."""
    known = qualified("crm:acc:z")
    bench.append(*known.events)
    owned = await bench.own()
    await bench.read(owned)
    bench.now = utc("2024-01-08 14:00")
    huge = "crm:acc:" + "".join(f"{number:x}" for number in range(4000))  # no index takes a key of this length
    bench.append(*qualified("crm:acc:a").events, qualified(huge).events[0], known.touch("2024-01-08 12:40"))
    owned._store = DiesAtCommit(bench.store, number=3)

    with pytest.raises(StoreUnavailable):
        await bench.read(owned)
    successor = await bench.own()
    await successor.fire()
    await bench.read(successor)

    assert [type(each).__name__ for each in await bench.said() if each.lead == "crm:acc:z"] == [
        "ObligationOpened",
        "ObligationOpened",
        "ObligationMet",
        "ObligationMet",
    ]


async def test_one_event_that_can_not_be_judged_does_not_take_its_lead_along(bench: Bench) -> None:
    lead = qualified()
    lead.knows("2024-01-08 12:00", size=10**400)
    owned = await bench.own()
    bench.append(*lead.events, *qualified("crm:acc:lead-2").events)

    await bench.read(owned)

    assert sorted(await bench.types()) == sorted(["handoff.opened", "first_touch.opened", "handoff.met"] * 2)
    letters = await bench.rows("SELECT record_offset, reason FROM sla_engine.dead_letters")
    assert [row["record_offset"] for row in letters] == [3]
    assert sum(bench.watcher.dead.values()) == 1


async def test_one_event_that_can_not_be_stored_does_not_take_its_lead_along(bench: Bench) -> None:
    lead = qualified()
    lead.knows("2024-01-08 12:00", colour=10**30)  # no MessagePack holds it
    owned = await bench.own()
    bench.append(*lead.events, *qualified("crm:acc:lead-2").events)

    await bench.read(owned)

    assert sorted(await bench.types()) == sorted(["handoff.opened", "first_touch.opened", "handoff.met"] * 2)
    letters = await bench.rows("SELECT record_offset, reason FROM sla_engine.dead_letters")
    assert [tuple(row.values()) for row in letters] == [(3, "unstorable")]
    assert bench.watcher.dead == {"unstorable": 1}


async def test_many_bad_events_of_one_lead_do_not_stop_the_engine(bench: Bench) -> None:
    lead = qualified()
    for number in range(150):
        lead.knows("2024-01-08 12:00", size=10**400 + number)
    owned = await bench.own()
    bench.append(*lead.events)

    await bench.read(owned)

    assert owned.position == 153
    assert await bench.types() == ["handoff.opened", "first_touch.opened", "handoff.met"]


async def test_a_privacy_deletion_by_a_clock_ahead_of_ours_ends_the_promise(bench: Bench) -> None:
    lead = qualified()
    lead.deleted("2024-01-08 12:00:10")
    owned = await bench.own()
    bench.append(*lead.events[:-1], msgspec.structs.replace(lead.events[-1], privacy=True))

    await bench.read(owned)
    await bench.pass_time(owned, 7200, step_seconds=600)

    assert await bench.types() == ["handoff.opened", "first_touch.opened", "handoff.met", "first_touch.cancelled"]
    found = await bench.reader.obligations(ObligationFilter(), after=None, limit=10)
    assert {each.state for each in found} == {"met", "cancelled"}


async def test_a_bad_event_stops_no_deadline_of_its_lead(bench: Bench) -> None:
    lead = qualified()
    owned = await bench.own()
    bench.append(*lead.events, *qualified("crm:acc:lead-2").events)
    await bench.read(owned)
    bench.append(lead.knows("2024-01-08 12:00", size=10**400))

    await bench.pass_time(owned, 7200, step_seconds=600)

    assert sorted(each.lead for each in await bench.said() if isinstance(each, ObligationBreached)) == [
        "crm:acc:lead-1",
        "crm:acc:lead-2",
    ]
