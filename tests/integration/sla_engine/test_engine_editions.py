"""Editions in a real database: stored once, heard of by every owner, and open leads judged again under them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.events.sla import ObligationBreached, ObligationRetracted
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.adapters.edition_store import EditionWatch, PostgresArchive
from sla_engine.application.in_force import Draft, InForce, Overtaken, settle_at_start
from sla_engine.application.partition import Limits, Partition
from sla_engine.application.planning import make_plan
from sla_engine.application.ports import Behind
from sla_engine.domain.editions import OpenChoice
from sla_engine.domain.instants import from_us
from tests.support.engine_stack import PACT, Bench, open_bench, pact
from tests.support.eventually import eventually
from tests.support.story_builder import MAX, Lead

pytestmark = pytest.mark.postgres


def draft(*, target: str = "1h", more: str = "") -> Draft:
    content = PACT.format(target=target, settle="0s") + more
    return Draft(content=content, agreement=parse_agreement(content))


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    """On the wall clock: editions are applied by the database's."""
    async with open_bench(database_url, pact(), now=datetime.now(UTC)) as made:
        yield made


def written(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"


def waiting(number: int, since: datetime, *, touched: datetime | None = None) -> Lead:
    """A lead that is qualified and owned since then."""
    lead = Lead(key=f"crm:acc:{number}")
    lead.created(written(since))
    lead.stage(written(since))
    lead.owner(written(since), MAX)
    if touched is not None:
        lead.touch(written(touched))
    return lead


async def in_force(bench: Bench, first: Draft | None = None) -> InForce:
    """With a first edition, as after the very first start."""
    archive = bench.archive
    standing = await settle_at_start(archive, first or draft(), open_=OpenChoice.RECOMPUTE, by="test")
    return InForce(standing.editions, archive)


async def apply(bench: Bench, proposed: Draft, open_: OpenChoice = OpenChoice.RECOMPUTE) -> None:
    """From another process, at an instant that lies before the bench's now."""
    archive = bench.archive
    editions = await archive.editions()
    assert editions is not None
    await archive.apply(proposed, open_=open_, by="test", after=editions.newest.number)
    bench.now = datetime.now(UTC) + timedelta(milliseconds=1)


def rejudging(owned: Partition) -> bool:
    return owned.rejudging


async def standing(bench: Bench) -> dict[str, tuple[str, str, float]]:
    """First touches by lead: state, version, target in minutes."""
    rows = await bench.rows(
        "SELECT l.key, o.state, o.agreement_version, o.target_us FROM sla_engine.obligations o "
        "JOIN sla_engine.leads l ON l.id = o.lead WHERE o.clock = 'first_touch'"
    )
    return {row["key"]: (row["state"], row["agreement_version"], row["target_us"] / 60e6) for row in rows}


async def test_the_file_becomes_an_edition_where_its_content_is_new_and_only_then(bench: Bench) -> None:
    one, two = draft(target="1h"), draft(target="2h")
    first = await settle_at_start(bench.archive, one, open_=OpenChoice.KEEP, by="first")
    assert first.applied is not None
    assert first.applied.number == 1
    again = await settle_at_start(bench.archive, one, open_=OpenChoice.KEEP, by="again")
    assert (again.applied, again.stale, len(again.editions.all)) == (None, False, 1)
    second = await settle_at_start(bench.archive, two, open_=OpenChoice.KEEP, by="second")
    assert second.editions.newest.version == two.agreement.version
    assert second.editions.newest.open is OpenChoice.KEEP
    stale = await settle_at_start(bench.archive, one, open_=OpenChoice.KEEP, by="an old replica")
    assert (stale.applied, stale.stale) == (None, True)
    assert stale.editions.newest.version == two.agreement.version
    listed = await bench.archive.listed()
    assert [(each.number, each.applied_by) for each in listed] == [(2, "second"), (1, "first")]


async def test_a_calendar_of_absences_may_say_again_what_it_said_before(bench: Bench) -> None:
    """The file is the same; what was read for it from elsewhere is as it was two editions ago."""
    away = 'absences_read:\n  max: [{from: "2024-01-09T00:00:00Z", to: "2024-01-10T00:00:00Z"}]\n'
    for place, read in enumerate((draft(), draft(more=away), draft())):
        standing = await settle_at_start(bench.archive, read, open_=OpenChoice.KEEP, by="test")
        assert standing.applied is not None
        assert (standing.applied.number, standing.stale) == (place + 1, False)


async def test_of_several_processes_that_start_at_once_one_applies_the_file(bench: Bench) -> None:
    starts = [
        settle_at_start(bench.archive, draft(target="2h"), open_=OpenChoice.RECOMPUTE, by=f"engine {number}")
        for number in range(6)
    ]
    found = await asyncio.gather(*starts)
    assert sum(each.applied is not None for each in found) == 1
    assert {len(each.editions.all) for each in found} == {1}


async def test_what_was_planned_on_other_ground_is_not_applied(bench: Bench) -> None:
    await in_force(bench)
    await apply(bench, draft(target="2h"))
    with pytest.raises(Overtaken, match="Look again"):
        await bench.archive.apply(draft(target="3h"), open_=OpenChoice.KEEP, by="test", after=1)
    assert len(await bench.archive.listed()) == 2


async def test_an_edition_says_the_same_when_it_is_read_back(bench: Bench) -> None:
    await in_force(bench)
    await apply(bench, draft(target="2h"), OpenChoice.RESTART)
    read = await PostgresArchive(bench.pool, database_url=bench.url).editions()
    assert read is not None
    assert [each.agreement.declared for each in read.all] == [
        draft().agreement.declared,
        draft(target="2h").agreement.declared,
    ]
    assert (read.newest.open, read.newest.number) == (OpenChoice.RESTART, 2)


@pytest.mark.parametrize(
    ("choice", "minutes", "edition"),
    [(OpenChoice.KEEP, 60.0, 0), (OpenChoice.RECOMPUTE, 30.0, 1), (OpenChoice.RESTART, 30.0, 1)],
)
async def test_open_leads_are_judged_again_and_closed_ones_stay_as_they_were(
    bench: Bench, choice: OpenChoice, minutes: float, edition: int
) -> None:
    one, two = draft(target="1h"), draft(target="30m")
    known = await in_force(bench, one)
    owned = await bench.own(in_force=known)
    since = bench.now - timedelta(minutes=10)
    bench.append(*waiting(1, since).events, *waiting(2, since, touched=since + timedelta(minutes=5)).events)
    await bench.read(owned)
    before = await standing(bench)
    await apply(bench, two, choice)

    assert await known.renew()
    assert rejudging(owned)
    await bench.read(owned)  # the gate moves past the instant of applying
    while await owned.rejudge():
        pass

    version = (one, two)[edition].agreement.version
    after = await standing(bench)
    assert after["crm:acc:2"] == before["crm:acc:2"] == ("met", one.agreement.version, 60.0)
    assert after["crm:acc:1"] == ("on_track", version, minutes)
    [row] = await bench.rows("SELECT deadline FROM sla_engine.obligations WHERE state = 'on_track'")
    anew = from_us(known.editions.newest.applied_us) if choice is OpenChoice.RESTART else since
    assert abs(row["deadline"] - anew - timedelta(minutes=minutes)) < timedelta(milliseconds=1)
    assert not rejudging(owned)
    assert not (await bench.own(in_force=known)).rejudging, "the partition's row says that it was done"


async def test_arriving_events_are_judged_by_an_edition_before_open_leads_are(bench: Bench) -> None:
    known = await in_force(bench, draft(target="1h"))
    owned = await bench.own(in_force=known)
    bench.append(*waiting(1, bench.now).events)
    await bench.read(owned)
    await apply(bench, draft(target="30m"))
    await known.renew()
    bench.append(*waiting(2, bench.now).events)
    await owned.take(bench.fetch(owned))
    assert {lead: minutes for lead, (_, _, minutes) in (await standing(bench)).items()} == {
        "crm:acc:1": 60.0,
        "crm:acc:2": 30.0,
    }


async def test_an_owner_that_has_not_heard_of_an_edition_commits_nothing(bench: Bench) -> None:
    known = await in_force(bench, draft(target="1h"))
    owned = await bench.own(in_force=known)
    await apply(bench, draft(target="30m"))
    bench.append(*waiting(1, bench.now).events)
    with pytest.raises(Behind):
        await owned.take(bench.fetch(owned))
    assert await standing(bench) == {}

    await known.renew()
    await owned.take(bench.fetch(owned))
    assert (await standing(bench))["crm:acc:1"][2] == 30.0


async def test_judging_again_goes_on_where_a_killed_owner_left_it(bench: Bench) -> None:
    bench.limits = Limits(batch_leads=2)
    known = await in_force(bench, draft(target="1h"))
    owned = await bench.own(in_force=known)
    for number in range(7):
        bench.append(*waiting(number, bench.now).events)
    await bench.read(owned)
    await apply(bench, draft(target="30m"))
    await known.renew()
    await bench.read(owned)
    assert await owned.rejudge()
    assert sorted(minutes for _, _, minutes in (await standing(bench)).values()) == [30.0] * 2 + [60.0] * 5

    follower = await bench.own(in_force=InForce((await bench.archive.editions()) or known.editions, bench.archive))
    assert follower.rejudging
    while await follower.rejudge():
        pass
    assert {minutes for _, _, minutes in (await standing(bench)).values()} == {30.0}
    progress = await bench.archive.progress()
    assert progress == {known.editions.newest.mark: 1}


async def test_a_removed_clock_ends_its_promises_and_takes_no_wake_up(bench: Bench) -> None:
    known = await in_force(bench, draft(target="1h"))
    owned = await bench.own(in_force=known)
    bench.append(*waiting(1, bench.now).events)
    await bench.read(owned)
    only_handoff = PACT.format(target="1h", settle="0s").rpartition("  first_touch:")[0]
    await apply(bench, Draft(content=only_handoff, agreement=parse_agreement(only_handoff)), OpenChoice.KEEP)
    await known.renew()
    await bench.read(owned)
    while await owned.rejudge():
        pass

    assert (await standing(bench))["crm:acc:1"][0] == "cancelled"
    assert (await bench.types())[-1] == "first_touch.cancelled"
    assert len(owned.agenda) == 0
    bench.now += timedelta(hours=2)
    await bench.read(owned)
    assert (await bench.types())[-1] == "first_touch.cancelled", "nobody hears of it any more"


async def test_an_exception_declared_afterwards_excuses_what_is_closed_and_takes_the_breach_back(bench: Bench) -> None:
    known = await in_force(bench, draft(target="1h"))
    owned = await bench.own(in_force=known)
    since = bench.now - timedelta(hours=3)
    late = waiting(1, since, touched=since + timedelta(hours=2))
    kept = waiting(2, since, touched=since + timedelta(minutes=5))
    bench.append(*late.events, *kept.events)
    await bench.read(owned)
    assert (await standing(bench))["crm:acc:1"][0] == "met_late"
    assert any(isinstance(each, ObligationBreached) for each in await bench.said())
    window = f"{since:%Y-%m-%d %H:%M}", f"{since + timedelta(hours=2):%Y-%m-%d %H:%M}"
    excused = draft(
        target="1h",
        more=f'exceptions:\n  - {{from: "{window[0]}", to: "{window[1]}", effect: excuse, why: an outage, by: Max}}\n',
    )
    plan = await make_plan(bench.archive, excused, [OpenChoice.KEEP], datetime.now(UTC))
    [outlook] = plan.outlooks
    assert (outlook.clocks["first_touch"].corrected, outlook.clocks["handoff"].corrected) == (1, 0)
    await apply(bench, excused, OpenChoice.KEEP)
    await known.renew()
    await bench.read(owned)
    while await owned.rejudge():
        pass

    found = await standing(bench)
    assert (found["crm:acc:1"][0], found["crm:acc:2"][0]) == ("excused", "met")
    taken_back = [each for each in await bench.said() if isinstance(each, ObligationRetracted)]
    assert "obligation.breached" in {each.retracted_type for each in taken_back}
    assert all("an outage" in each.reason for each in taken_back)


async def test_a_plan_counts_what_would_happen_and_stores_nothing(bench: Bench) -> None:
    known = await in_force(bench, draft(target="1h"))
    owned = await bench.own(in_force=known)
    now = bench.now
    for number, minutes in enumerate((1, 25, 40, 90)):
        bench.append(*waiting(number, now - timedelta(minutes=minutes)).events)
    bench.append(*waiting(9, now - timedelta(minutes=20), touched=now - timedelta(minutes=10)).events)
    await bench.read(owned)
    tables = "SELECT * FROM sla_engine.obligations ORDER BY id", "SELECT * FROM sla_engine.agreements"
    before = [await bench.rows(table) for table in tables]

    plan = await make_plan(bench.archive, draft(target="30m"), list(OpenChoice), bench.now)

    assert [await bench.rows(table) for table in tables] == before
    assert (plan.edition, plan.leads) == (1, 4)
    assert plan.differences == [
        "clocks.handoff.targets.default: 1h → 30m",
        "clocks.first_touch.targets.default: 1h → 30m",
    ]
    keep, recompute, restart = [each.clocks["first_touch"] for each in plan.outlooks]
    assert (keep.open, keep.stays, keep.earlier) == (4, 4, 0)
    assert (recompute.open, recompute.earlier, recompute.broken, recompute.at_risk) == (4, 4, 1, 1)
    assert (restart.open, restart.earlier, restart.later, restart.mended) == (4, 2, 2, 1)
    broken = [each for each in plan.outlooks[1].examples if "broken" in each.what]
    assert [each.lead for each in broken] == ["crm:acc:2"]
    assert broken[0].deadline_before - broken[0].deadline_after == timedelta(minutes=30)


@pytest.mark.parametrize("cut", [False, True], ids=["in peace", "after its connection was cut"])
async def test_a_running_engine_hears_of_an_edition_at_once(bench: Bench, *, cut: bool) -> None:
    known = await in_force(bench)
    heard: list[str] = []
    known.when_new(lambda agreement: heard.append(agreement.version))
    stop = asyncio.Event()
    watch = asyncio.create_task(EditionWatch(known, database_url=bench.url).run(stop))

    async def listeners() -> list[int]:
        found = await bench.rows(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' "
            "AND application_name = 'leadpact-sla-engine-editions'"
        )
        return [row["pid"] for row in found]

    async def listening() -> bool:
        return bool(await listeners())

    async def knows() -> bool:
        return heard == [draft(target="30m").agreement.version]

    try:
        await eventually(listening, within_seconds=10, what="it listens")
        if cut:
            for pid in await listeners():
                await bench.rows("SELECT pg_terminate_backend($1)", pid)
        await apply(bench, draft(target="30m"))
        await eventually(knows, within_seconds=20, what="it has heard")
    finally:
        stop.set()
        await watch
