"""The main job: webhooks in, and exactly the messages in Slack that a sales manager should read."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import httpx
import pytest

from tests.e2e.conftest import MODES, Stage
from tests.support.crm_senders import ANA, BEN, QUEUE, Assigned, Called, Created, Crm, Disqualified
from tests.support.eventually import eventually
from tests.support.slack_fake import Message

TEAM = "C0INBOUNDSALES"
SOON_SECONDS = 45.0


def about(stage: Stage, name: str) -> list[Message]:
    """The messages about a lead, in order."""
    return [message for message in stage.slack.messages if name in message.text]


def story_of(stage: Stage, name: str) -> list[tuple[str, list[str]]]:
    """Per message about a lead: where it stands, and its headlines from the first to the last edit."""
    return [(message.channel, [*map(_headline, message.edits), message.headline]) for message in about(stage, name)]


def _headline(edit: dict[str, object]) -> str:
    return Message(channel="", ts="", text="", metadata={}, via="", blocks=edit["blocks"]).headline  # type: ignore[arg-type] # JSON


async def until_story(stage: Stage, name: str, expected: list[tuple[str, list[str]]]) -> None:
    async def look() -> bool:
        assert story_of(stage, name) == expected
        return True

    await eventually(look, within_seconds=SOON_SECONDS, what=f"the story of {name} in Slack")


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
async def test_slack_reads_exactly_what_became_of_each_lead(
    mode: str, stage_in: Callable[[str], AbstractAsyncContextManager[Stage]]
) -> None:
    async with stage_in(mode) as stage:
        stage.slack.fail("chat.postMessage", "ratelimited", seconds=1)
        stage.slack.fail("chat.postMessage", "lose_response")
        crms = stage.crms
        kept, left, late, wrong, dropped, twice, passed = (
            crms.lead(number, crm)
            for number, crm in enumerate(
                [Crm.HUBSPOT, Crm.SALESFORCE, Crm.PIPEDRIVE, Crm.HUBSPOT, Crm.HUBSPOT, Crm.HUBSPOT, Crm.PIPEDRIVE], 1
            )
        )

        await crms.tell(kept, Created(owner=ANA))
        await crms.tell(kept, Called(by=ANA))
        await crms.tell(dropped, Created(owner=ANA))
        await crms.tell(dropped, Disqualified(by=ANA))
        await crms.tell(left, Created(owner=QUEUE))
        await crms.tell(late, Created(owner=ANA))
        wrong_at = await crms.tell(wrong, Created(owner=BEN))
        await crms.tell(twice, Created(owner=BEN), times=3)
        await crms.tell(passed, Created(owner=ANA))
        await crms.tell(passed, Assigned(owner=BEN, before=ANA))

        await until_story(
            stage,
            left.name,
            [(TEAM, [f"🟡 Handoff due soon: {left.name}"]), (TEAM, [f"🔴 Handoff missed: {left.name}"])],
        )
        for lead, owner in ((late, "ANA"), (wrong, "BEN"), (twice, "BEN"), (passed, "BEN")):
            await until_story(
                stage,
                lead.name,
                [
                    (f"D0{owner}", [f"🟡 First call due soon: {lead.name}"]),
                    (TEAM, [f"🔴 First call missed: {lead.name}"]),
                ],
            )

        await crms.tell(late, Called(by=ANA))
        called_at = wrong_at + timedelta(seconds=5)
        reported_at = wrong_at + timedelta(seconds=30)
        ago = (reported_at - called_at).total_seconds()
        await crms.tell(wrong, Called(by=BEN, ago_seconds=ago), at=reported_at)

        await until_story(
            stage,
            late.name,
            [
                ("D0ANA", [f"🟡 First call due soon: {late.name}", f"🟠 First call done late: {late.name}"]),
                (TEAM, [f"🔴 First call missed: {late.name}", f"🟠 First call done late: {late.name}"]),
            ],
        )
        await until_story(
            stage,
            wrong.name,
            [
                ("D0BEN", [f"🟡 First call due soon: {wrong.name}"]),
                (TEAM, [f"🔴 First call missed: {wrong.name}", f"⚪ First call not missed after all: {wrong.name}"]),
            ],
        )
        assert story_of(stage, kept.name) == []
        assert story_of(stage, dropped.name) == []
        assert len(stage.slack.messages) == 10
        assert set(crms.statuses) == {200}

        [breach] = [each for each in about(stage, passed.name) if each.channel == TEAM]
        said = str(breach.blocks)
        assert "<@U0MARIA>" in said, "the manager is mentioned"
        assert "Ana Ruiz" in said, "who held the clock before is named"
        await _figures_agree(stage)


async def _figures_agree(stage: Stage) -> None:
    """Prometheus and the API tell the same as Slack."""
    async with httpx.AsyncClient() as client:
        engine = (await client.get(f"{stage.services['sla-engine'].url}/metrics")).text
        ingest = (await client.get(f"{stage.services['ingest'].url}/metrics")).text
        breached = await client.get(
            f"{stage.services['sla-engine'].url}/api/v1/obligations", params={"state": "breached"}
        )
        page = await client.get(f"{stage.services['sla-engine'].url}/")
    assert 'leadpact_open_obligations{clock="handoff",state="breached",team="Inbound"} 1.0' in engine
    assert 'leadpact_webhook_requests_total{source="hubspot",status="200"}' in ingest
    assert breached.status_code == 200
    assert len(breached.json()["items"]) == 3, breached.text
    assert page.status_code == 200


KILLED_LEADS = 24


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
async def test_kill_9_of_each_service_loses_nothing_and_doubles_nothing(
    mode: str, stage_in: Callable[[str], AbstractAsyncContextManager[Stage]]
) -> None:
    """Leads come in and fall due while each service is killed in turn; each breach is told once."""
    async with stage_in(mode) as stage:
        stage.slack.pace_seconds = 0.0
        leads = [stage.crms.lead(number, list(Crm)[number % 3]) for number in range(1, KILLED_LEADS + 1)]

        async def come_in() -> None:
            for lead in leads:
                await stage.crms.tell(lead, Created(owner=ANA))
                await asyncio.sleep(0.4)  # the pace of the traffic, not a synchronisation

        async def kill_each() -> None:
            for name in ("ingest", "sla-engine", "notifier", "sla-engine", "ingest", "notifier"):
                await asyncio.sleep(1.0)  # in the middle of the traffic
                await stage.services[name].kill()
                await stage.services[name].start()
                await stage.services[name].ready()

        await asyncio.gather(come_in(), kill_each())

        async def all_told() -> bool:
            told = [message for message in stage.slack.messages if message.headline.startswith("🔴 First call missed")]
            missing = [lead.name for lead in leads if not any(lead.name in each.text for each in told)]
            assert not missing, f"no breach told of {missing}"
            return True

        await eventually(all_told, within_seconds=90, what="every breach is told")
        for lead in leads:
            headlines = [message.headline for message in about(stage, lead.name)]
            assert headlines.count(f"🔴 First call missed: {lead.name}") == 1, headlines
            assert headlines.count(f"🟡 First call due soon: {lead.name}") <= 1, headlines
        markers = [str(message.metadata) for message in stage.slack.messages]
        assert len(set(markers)) == len(markers), "a delivery was posted twice"


OUTAGE_SECONDS = 10.0


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.postgres
async def test_ten_seconds_without_a_broker_cost_no_5xx_and_no_lead(
    stage_in: Callable[[str], AbstractAsyncContextManager[Stage]],
) -> None:
    async with stage_in("kafka") as stage:
        assert stage.broker is not None
        stage.slack.pace_seconds = 0.0
        over = asyncio.Event()
        told = 0

        async def load() -> None:
            nonlocal told
            while not over.is_set():
                told += 1
                await stage.crms.tell(stage.crms.lead(told, list(Crm)[told % 3]), Created(owner=ANA))
                await asyncio.sleep(0.1)  # the pace of the traffic

        loading = asyncio.create_task(load())
        await asyncio.sleep(2)  # traffic before the outage
        await asyncio.to_thread(stage.broker.stop)
        await asyncio.sleep(OUTAGE_SECONDS)  # the outage itself
        await asyncio.to_thread(stage.broker.start)
        await asyncio.sleep(2)  # traffic after it
        over.set()
        await loading

        assert set(stage.crms.statuses) == {200}, stage.crms.statuses
        assert told > 50

        async def all_there() -> bool:
            async with httpx.AsyncClient(base_url=stage.services["sla-engine"].url) as client:
                names: set[str] = set()
                cursor: str | None = None
                while True:
                    params = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
                    answer = (await client.get("/api/v1/leads", params=params)).json()
                    names |= {item["name"] for item in answer["items"]}
                    cursor = answer.get("next_cursor")
                    if cursor is None:
                        break
            missing = {stage.crms.lead(number, Crm.HUBSPOT).first_name for number in range(1, told + 1)} - {
                name.split()[0] for name in names
            }
            assert not missing, f"{len(missing)} of {told} leads are not there"
            return True

        await eventually(all_there, within_seconds=60, what="every lead of before, during and after the outage")
