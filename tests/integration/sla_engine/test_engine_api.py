"""The API and the pages, on what the engine stored in a real database."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.metrics import Metrics
from shared.operations import Operations
from sla_engine.entrypoints.http.app import make_app
from tests.support.engine_stack import Bench, open_bench
from tests.support.story_builder import EVA, MAX, QUEUE, Lead, agreement, utc

pytestmark = pytest.mark.postgres

NOON = "2024-01-08 12:00"
Query = str | int | list[str]
Json = Any  # a decoded answer, asked for by its keys

KEPT, BROKEN, OPEN, QUEUED = "crm:acc:kept", "crm:acc:broken", "crm:acc:open", "crm:acc:qu/eued"


def story(key: str, name: str, at: str = NOON) -> Lead:
    lead = Lead(key=key)
    lead.created(at, {"name": name}, url=f"https://crm.example.test/{name[0]}")
    lead.stage(at)
    return lead


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    """At 13:10: one lead touched in time, one never, one handed from a person to another, one still in a queue."""
    async with open_bench(database_url, agreement(calendar="always"), now=utc(NOON)) as made:
        kept, broken = story(KEPT, "Kim Kept"), story(BROKEN, "Bo <b>Broken</b>")
        for lead in (kept, broken):
            lead.owner(NOON, MAX)
        kept.touch("2024-01-08 12:20")
        opened = story(OPEN, "Olga Open", at="2024-01-08 12:30")
        opened.owner("2024-01-08 12:30", MAX)
        opened.owner("2024-01-08 12:50", EVA)
        queued = story(QUEUED, "Quin Queued", at="2024-01-08 12:45")
        queued.owner("2024-01-08 12:45", QUEUE)
        made.append(*kept.events, *broken.events, *opened.events, *queued.events)
        made.now = utc("2024-01-08 13:10")
        await made.read(await made.own())
        yield made


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(
        reader=bench.reader,
        in_force=bench.in_force,
        clock=lambda: bench.now,
        operations=Operations(metrics=Metrics(service="sla-engine", version="0")),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://engine.test") as made:
        yield made


async def answer(client: httpx.AsyncClient, path: str, **query: Query) -> Json:
    response = await client.get(path, params=query)
    assert response.status_code == 200, response.text
    return response.json()


async def test_obligations_come_soonest_first_and_page_by_page(client: httpx.AsyncClient) -> None:
    whole = (await answer(client, "/api/v1/obligations", limit=100))["items"]
    assert [each["deadline"] for each in whole] == sorted(each["deadline"] for each in whole)

    paged: list[Json] = []
    cursor: str | None = None
    for _ in range(len(whole)):
        page = await answer(client, "/api/v1/obligations", limit=2, **({} if cursor is None else {"cursor": cursor}))
        paged += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == whole


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": ["breached"]}, {(BROKEN, "first_touch")}),
        ({"state": ["on_track", "at_risk"]}, {(OPEN, "first_touch"), (QUEUED, "handoff")}),
        ({"lead": KEPT}, {(KEPT, "handoff"), (KEPT, "first_touch")}),
        ({"owner": "eva"}, {(OPEN, "first_touch")}),
        ({"team": "nobody"}, set()),
        (
            {"deadline_from": "2024-01-08T13:30:00Z", "deadline_to": "2024-01-08T13:45:00Z"},
            {(OPEN, "first_touch"), (OPEN, "handoff")},
        ),
    ],
)
async def test_obligations_are_filtered(
    client: httpx.AsyncClient, query: dict[str, Query], expected: set[tuple[str, str]]
) -> None:
    found = await answer(client, "/api/v1/obligations", **query)
    assert {(each["lead"], each["clock"]) for each in found["items"]} == expected


async def test_one_obligation_tells_what_was_last_said_of_it(client: httpx.AsyncClient) -> None:
    [broken] = (await answer(client, "/api/v1/obligations", state="breached"))["items"]

    one = await answer(client, f"/api/v1/obligations/{broken['id']}")

    assert one == broken
    assert one["last_announcement"]["transition"] == "breached"
    assert one["last_announcement"]["occurred_at"] == "2024-01-08T13:00:00Z"
    assert not one["retracted"]


async def test_a_retracted_breach_is_told_as_such(bench: Bench, client: httpx.AsyncClient) -> None:
    [broken] = (await answer(client, "/api/v1/obligations", state="breached"))["items"]
    late = Lead(key=BROKEN)
    late.events = [*story(BROKEN, "Bo").events] * 2  # so that the touch gets an id of its own
    bench.append(late.touch("2024-01-08 12:59"))
    await bench.read(await bench.own())

    one = await answer(client, f"/api/v1/obligations/{broken['id']}")

    assert one["state"] == "met"
    assert {"obligation.retracted", "obligation.met"} <= {f"obligation.{each}" for each in await transitions(bench)}
    explained = await answer(client, f"/api/v1/leads/{BROKEN}/explain")
    said = next(each for each in explained["obligations"] if each["id"] == one["id"])["announcements"]
    assert [(each["transition"], each["standing"]) for each in said if each["transition"] == "breached"] == [
        ("breached", False)
    ]


async def transitions(bench: Bench) -> set[str]:
    return {each.partition(".")[2] for each in await bench.types()}


async def test_leads_are_found_by_a_part_of_the_name_or_by_key(client: httpx.AsyncClient) -> None:
    assert [each["key"] for each in (await answer(client, "/api/v1/leads", search="PEN"))["items"]] == [OPEN]
    assert [each["key"] for each in (await answer(client, "/api/v1/leads", search=QUEUED))["items"]] == [QUEUED]
    assert (await answer(client, "/api/v1/leads", search="%"))["items"] == []


async def test_leads_come_page_by_page(client: httpx.AsyncClient) -> None:
    first = await answer(client, "/api/v1/leads", limit=3)
    second = await answer(client, "/api/v1/leads", limit=3, cursor=first["next_cursor"])
    assert [each["key"] for each in (*first["items"], *second["items"])] == [QUEUED, OPEN, BROKEN, KEPT]
    assert second["next_cursor"] is None
    assert [(each["open"], each["breached"]) for each in first["items"]] == [(1, 0), (1, 0), (1, 1)]


async def test_an_explanation_names_events_holders_hours_and_the_sum(client: httpx.AsyncClient) -> None:
    explained = await answer(client, f"/api/v1/leads/{OPEN}/explain")

    touch = next(each for each in explained["obligations"] if each["clock"] == "first_touch")
    assert [(each["holder"], each["business_seconds"]) for each in touch["turns"]] == [
        ("Max Muster", 1200.0),
        ("Eva Example", 1200.0),
    ]
    assert touch["arithmetic"] == "Max Muster 20 min + Eva Example 20 min = 40 min of 1 h business time: 20 min left"
    assert [(each["role"], each["what"]) for each in touch["grounds"]] == [
        ("started", "Stage became MQL"),
        ("started", "Assigned to Max Muster"),
    ]
    assert touch["agreement_line"] > 0
    assert explained["owner"] == "Eva Example"
    first = explained["timeline"][0]
    assert (first["what"], first["provenance"]["time_source"]) == ("Created in the CRM: name Olga Open", "event")


async def test_compliance_counts_what_was_decided_in_the_period(client: httpx.AsyncClient) -> None:
    report = await answer(client, "/api/v1/compliance", clock="first_touch")
    [row] = report["items"]
    assert (row["team"], row["opened"], row["met"], row["breached"], row["ratio"]) == ("Inside sales", 3, 1, 1, 0.5)
    assert 0.05 < row["ratio_low"] < 0.5 < row["ratio_high"] < 0.95
    assert row["median_business_seconds"] == 1200.0

    before = await answer(client, "/api/v1/compliance", to="2024-01-08T13:00:00Z", clock="first_touch")
    assert [(each["met"], each["breached"]) for each in before["items"]] == [(1, 0)]


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/api/v1/leads/crm:acc:unknown", 404, "crm:acc:unknown"),
        ("/api/v1/obligations/unknown", 404, "unknown"),
        ("/api/v1/obligations/00000000000000000000000000000000", 404, "0000"),
        ("/api/v1/obligations?state=lost", 400, "lost"),
        ("/api/v1/obligations?cursor=abc", 400, "cursor"),
        ("/api/v1/obligations?limit=0", 400, "limit"),
        ("/api/v1/obligations?deadline_from=2024-01-08T13:30:00", 400, "deadline_from"),
        ("/api/v1/compliance?from=2024-01-08T13:30:00Z&to=2024-01-07T13:30:00Z", 400, "from"),
        ("/api/v1/nothing", 404, ""),
    ],
)
async def test_errors_are_problem_documents(client: httpx.AsyncClient, path: str, status: int, word: str) -> None:
    response = await client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert word in response.json().get("detail", "")


async def test_the_openapi_document_names_every_route(client: httpx.AsyncClient) -> None:
    paths = (await answer(client, "/api/v1/openapi.json"))["paths"]
    assert set(paths) == {
        "/api/v1/leads",
        "/api/v1/leads/{lead}",
        "/api/v1/leads/{lead}/explain",
        "/api/v1/obligations",
        "/api/v1/obligations/{obligation_id}",
        "/api/v1/compliance",
    }


@pytest.mark.parametrize("key", [KEPT, BROKEN, OPEN, QUEUED])
async def test_a_lead_has_a_page_without_script_or_inline_style(client: httpx.AsyncClient, key: str) -> None:
    response = await client.get(f"/leads/{key}")
    assert response.status_code == 200
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert "<script" not in response.text
    assert "style=" not in response.text
    assert "<b>" not in response.text, "names are escaped"
    assert "Who held the clock" in response.text


async def test_times_are_shown_in_the_zone_the_reader_chose(client: httpx.AsyncClient) -> None:
    page = (await client.get(f"/leads/{BROKEN}", params={"zone": "Asia/Tokyo"})).text
    assert 'title="2024-01-08 13:00:00 UTC">22:00:00</time>' in page
    assert 'href="/?zone=Asia/Tokyo"' in page, "the zone is kept on the way"
    assert (await client.get(f"/leads/{BROKEN}", params={"zone": "No/Where"})).status_code == 200


async def test_the_first_page_lists_what_is_open_and_what_broke(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    assert page.index("Olga Open") < page.index("Quin Queued") < page.index("Bo &lt;b&gt;Broken")
    assert "1 of 2 kept in time" in page
    assert 'href="/leads/crm:acc:qu%2Feued"' in page
    assert "Quin Queued" in (await client.get("/leads/crm:acc:qu%2Feued")).text


async def test_the_reference_names_every_operation_and_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    for path in (await answer(client, "/api/v1/openapi.json"))["paths"]:
        assert f"GET {path}" in page
    assert "deadline_from" in page
    assert "<script" not in page


async def test_an_unknown_lead_has_a_page_that_says_so(client: httpx.AsyncClient) -> None:
    response = await client.get("/leads/crm:acc:unknown")
    assert response.status_code == 404
    assert "No event of a lead with the key" in response.text
    assert (await client.get("/static/leadpact.css")).headers["content-type"].startswith("text/css")
