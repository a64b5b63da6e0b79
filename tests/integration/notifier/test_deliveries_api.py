"""Deliveries as JSON: filters, pages, one of them."""

from collections.abc import AsyncIterator

import httpx
import pytest

from notifier.entrypoints.http import build_app
from shared.metrics import Metrics
from shared.operations import Operations
from tests.integration.notifier.harness import Notifier
from tests.support import sla_events
from tests.support.slack_fake import SlackFake

LEADS = [f"hubspot:515:contact:{number}" for number in range(5)]


@pytest.fixture
async def client(notifier: Notifier) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API over the notifier's own deliveries."""
    operations = Operations(metrics=Metrics(service="notifier", version="0"))
    app = build_app(deliveries=notifier.book, operations=operations, version="0")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notifier") as opened:
        yield opened


async def test_pages_go_back_in_time_and_miss_nothing_that_comes_meanwhile(
    notifier: Notifier, client: httpx.AsyncClient
) -> None:
    await notifier.take(*(sla_events.breached(lead=lead) for lead in LEADS))
    first = (await client.get("/api/v1/deliveries", params={"limit": 2})).json()
    await notifier.take(sla_events.breached(lead="hubspot:515:contact:new"))
    second = (await client.get("/api/v1/deliveries", params={"limit": 2, "before": first["next"]})).json()
    third = (await client.get("/api/v1/deliveries", params={"limit": 2, "before": second["next"]})).json()
    pages = [[each["lead"] for each in page["deliveries"]] for page in (first, second, third)]
    assert pages == [[LEADS[4], LEADS[3]], [LEADS[2], LEADS[1]], [LEADS[0]]]
    assert third["next"] is None


async def test_filters_narrow_what_is_listed(notifier: Notifier, slack: SlackFake, client: httpx.AsyncClient) -> None:
    slack.fail("chat.postMessage", "error", word="is_archived")
    await notifier.take(*(sla_events.breached(lead=lead) for lead in LEADS[:3]))
    await notifier.deliver()
    found = {
        name: [each["lead"] for each in (await client.get(f"/api/v1/deliveries?{query}")).json()["deliveries"]]
        for name, query in {
            "dead": "state=dead",
            "two states": "state=dead&state=sent",
            "lead": f"lead={LEADS[1]}",
            "channel": "channel=preview",
        }.items()
    }
    assert found == {
        "dead": [LEADS[0]],
        "two states": [LEADS[2], LEADS[1], LEADS[0]],
        "lead": [LEADS[1]],
        "channel": [],
    }


async def test_one_delivery_says_why_it_is_where_it_is(
    notifier: Notifier, slack: SlackFake, client: httpx.AsyncClient
) -> None:
    slack.fail("chat.postMessage", "ratelimited", seconds=20)
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    (delivery,) = await notifier.all()
    shown = (await client.get(f"/api/v1/deliveries/{delivery.id}")).json()
    assert (shown["state"], shown["reason"], shown["attempts"]) == ("pending", "rate_limited", 0)
    assert shown["due_at"] == "2026-03-02T10:00:20Z"


@pytest.mark.parametrize(
    "query",
    [
        "state=unheard",
        "limit=0",
        "limit=501",
        "before=x",
        "before=9223372036854775808",
        "lead=%00",
        "obligation=a%00",
    ],
)
async def test_a_wrong_question_is_a_problem_that_names_its_place(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/v1/deliveries?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["detail"]


async def test_an_unknown_delivery_is_not_found_however_odd_its_id(client: httpx.AsyncClient) -> None:
    assert {(await client.get(f"/api/v1/deliveries/{odd}")).status_code for odd in ("none", "%00", "..%2Fx")} == {404}
