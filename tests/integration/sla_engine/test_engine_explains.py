"""A lead on which all happened that an agreement can declare: the API, the page and the terminal say the same."""

import html
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.metrics import Metrics
from shared.operations import Operations
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.application.explanation import explain
from sla_engine.application.reading import Window
from sla_engine.entrypoints.explanation_text import explanation_text
from sla_engine.entrypoints.http.app import make_app
from tests.support.engine_stack import Bench, open_bench
from tests.support.story_builder import EVA, LEAD, MAX, Lead, utc

pytestmark = pytest.mark.postgres

Json = Any  # a decoded answer, asked for by its keys

AGREEMENT = """\
agreement: {name: Pact, version: 1, timezone: UTC}
parties:
  marketing: {name: Marketing}
  sales: {name: Sales, team: Inside sales}
people:
  - {name: Max Muster, id: max, crm: [u-max]}
  - name: Eva Example
    id: eva
    crm: [u-eva]
    absences: [{from: "2024-01-09 11:00", to: "2024-01-09 12:00", why: dentist}]
teams:
  - {name: Inside sales, members: [max, eva], calendar: office}
calendars:
  office: {week: {monday-friday: "09:00-17:00"}}
exceptions:
  - {from: "2024-01-09 12:00", to: "2024-01-09 12:30", effect: pause, why: power cut, by: Mia Manager}
  - from: "2024-01-10 09:00"
    to: "2024-01-10 11:00"
    effect: excuse
    why: fire drill
    by: Mia Manager
    clocks: [quote]
clocks:
  first_touch:
    targets: {default: 2h}
    calendar: owner
    pause: {stage: [sal]}
    blame: longest_holder
  next_touch: {targets: {default: [1h, 4h wall]}}
  quote:
    name: Quote
    start: {ended: first_touch}
    stop: {event: deal.created}
    targets: {default: next business day 10:00}
"""


def story() -> Lead:
    lead = Lead()
    lead.created("2024-01-09 08:00", {"name": "Acme Corp"})
    lead.stage("2024-01-09 09:30")
    lead.owner("2024-01-09 09:30", MAX)
    lead.stage("2024-01-09 10:00", "sal")
    lead.stage("2024-01-09 10:20", "mql")
    lead.owner("2024-01-09 10:40", EVA)
    return lead


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    """Broken on Tuesday at 13:40; the call of 13:50, told first, then one of 10:50 that takes the breach back."""
    pact = parse_agreement(AGREEMENT, today=utc("2024-01-01").date())
    async with open_bench(database_url, pact, now=utc("2024-01-09 13:55")) as made:
        lead = story()
        owned = await made.own()
        made.append(*lead.events)
        await made.read(owned)
        made.append(lead.touch("2024-01-09 13:50", by="u-eva"))
        made.now = utc("2024-01-10 12:00")
        await made.read(owned)
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


async def explained(client: httpx.AsyncClient, clock: str) -> Json:
    response = await client.get(f"/api/v1/leads/{LEAD}/explain")
    assert response.status_code == 200, response.text
    return next(each for each in response.json()["obligations"] if each["clock"] == clock)


async def on_the_page(client: httpx.AsyncClient) -> str:
    """The page's words, with one blank between them."""
    response = await client.get(f"/leads/{LEAD}")
    assert response.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", response.text)).split())


async def in_the_terminal(bench: Bench) -> str:
    """The text's words, with one blank between them."""
    record = await bench.reader.lead(LEAD)
    assert record is not None
    return " ".join(explanation_text(explain(record, bench.in_force.editions, bench.now)).split())


async def test_the_api_lays_the_whole_verdict_open(client: httpx.AsyncClient) -> None:
    touch = await explained(client, "first_touch")
    assert [(each["role"], each["what"], each["question"]) for each in touch["grounds"]] == [
        ("started", "Stage became MQL", "it is qualified and a person owns it"),
        ("started", "Assigned to Max Muster", "it is qualified and a person owns it"),
        ("paused", "Stage became SAL", "its stage is SAL"),
        ("resumed", "Stage became MQL", ""),
        ("stopped", "Outbound call by Eva Example", "it is touched (call, email, meeting or message; outbound)"),
    ]
    assert [(turn["holder"], turn["business_seconds"], turn["wall_seconds"]) for turn in touch["turns"]] == [
        ("Max Muster", 3000.0, 4200.0),
        ("Eva Example", 6000.0, 11400.0),
    ]
    eva = [
        (each["kind"], each["start"][11:16], each["end"][11:16], each["reason"])
        for each in touch["turns"][1]["stretches"]
    ]
    assert eva == [
        ("open", "10:40", "11:00", ""),
        ("closed", "11:00", "12:00", "dentist"),
        ("exception", "12:00", "12:30", "power cut (by Mia Manager)"),
        ("open", "12:30", "13:50", ""),
    ]
    added = touch["sum"]
    assert (added["used_seconds"], added["paused_seconds"], added["closed_seconds"]) == (9000.0, 3000.0, 3600.0)
    assert (added["target_seconds"], added["over_seconds"], added["wall_seconds"]) == (7200.0, 1800.0, 15600.0)
    assert [(step["holder"], step["seconds"], step["end"][11:16]) for step in touch["deadline_steps"]] == [
        ("Max Muster", 3000.0, "10:40"),
        ("Eva Example", 4200.0, "13:20"),
    ]
    assert (touch["charge"]["holder"], touch["charge"]["rule"]) == ("Eva Example", "longest_holder")
    assert [each["kind"] for each in touch["pauses"]] == ["lead", "exception"]
    assert (touch["round"], touch["rounds"]) == (1, 1)


async def test_the_api_says_of_rounds_chains_appointments_and_excuses(client: httpx.AsyncClient) -> None:
    gap = await explained(client, "next_touch")
    assert (gap["round"], gap["rounds"], gap["target_text"]) == (1, None, "1h")
    quote = await explained(client, "quote")
    assert quote["grounds"][0]["question"] == "First touch ended"
    assert (quote["state"], quote["charge"], quote["sum"]["over_seconds"]) == ("excused", None, None)
    assert quote["excuse"] == {"reason": "fire drill", "author": "Mia Manager", "agreement_line": 17}
    assert quote["due_reason"].startswith("next business day 10:00, counted from the day of the start")


PARTS = {
    "the event that started it": "Assigned to Max Muster",
    "the question it answered": "when it is qualified and a person owns it",
    "what paused it": "Stage became SAL",
    "what stopped it": "Outbound call by Eva Example",
    "a chain": "First touch ended",
    "open hours": "open",
    "an absence": "dentist",
    "an exception with its author": "power cut (by Mia Manager",
    "the sum": "Max Muster 50 min + Eva Example 1 h 40 min = 2 h 30 min of 2 h business time: 30 min over",
    "what became of all time": "4 h 20 min by the wall clock = 2 h 30 min counted + 50 min paused + 1 h closed",
    "how the deadline came about": "2 h of business time from the start, moved by the time in which nothing counted",
    "an appointment": "next business day 10:00, counted from the day of the start",
    "who is charged, and by which rule": "had held it longest by the deadline",
    "who excused it": "fire drill",
    "that nobody is charged then": "charged to nobody",
    "rounds": "round 1",
    "wall targets and lines of the agreement": "line",
    "the version": "1+",
    "what was announced": "met late",
}


async def test_every_part_is_on_the_page_and_in_the_terminal(client: httpx.AsyncClient, bench: Bench) -> None:
    page, terminal = await on_the_page(client), await in_the_terminal(bench)
    assert [part for part, words in PARTS.items() if words not in page] == []
    assert [part for part, words in PARTS.items() if words not in terminal] == []


async def test_what_was_taken_back_says_why_everywhere(client: httpx.AsyncClient, bench: Bench) -> None:
    lead = story()
    lead.touch("2024-01-09 13:50", by="u-eva")
    early = lead.touch("2024-01-09 10:50", by="u-eva")
    assert early.id not in {each.id for each in story().events}
    bench.append(early)
    await bench.read(await bench.own())
    why = "it was kept Tue 2024-01-09 10:50 (UTC), as is known now: call by Eva Example"
    touch = await explained(client, "first_touch")
    taken_back = [each for each in touch["announcements"] if not each["standing"]]
    assert [(each["transition"], each["reason"]) for each in taken_back] == [("breached", why), ("met_late", why)]
    assert why in await on_the_page(client)
    assert why in await in_the_terminal(bench)


async def test_what_is_excused_counts_neither_way_and_what_is_paused_is_open(
    client: httpx.AsyncClient, bench: Bench
) -> None:
    paused = Lead(key="crm:acc:paused")
    paused.stage("2024-01-10 11:30")
    paused.owner("2024-01-10 11:30", MAX)
    paused.stage("2024-01-10 11:40", "sal")
    bench.append(*paused.events)
    await bench.read(await bench.own())

    async def listed(**query: str) -> list[tuple[str, str, str | None, int]]:
        items = (await client.get("/api/v1/obligations", params=query)).json()["items"]
        return [(each["lead"], each["clock"], each["outcome"], each["round"]) for each in items]

    assert await listed(state="excused") == [(LEAD, "quote", "excused", 1)]
    assert await listed(state="paused") == [("crm:acc:paused", "first_touch", None, 1)]
    assert (LEAD, "first_touch", "breached", 1) in await listed(owner="eva"), "eva is charged: she held it longest"

    january = {"from": "2024-01-01T00:00:00Z", "to": "2024-02-01T00:00:00Z"}
    report = await client.get("/api/v1/compliance", params=january)
    quote = next(each for each in report.json()["items"] if each["clock"] == "quote")
    assert (quote["excused"], quote["met"], quote["breached"], quote["ratio"]) == (1, 0, 0, None)

    situation = await bench.reader.situation({Window.WEEK: utc("2024-01-05 00:00")}, bench.now)
    assert [(each.state, each.count) for each in situation.open if each.clock == "first_touch"] == [("paused", 1)]
    assert [(each.outcome, each.count) for each in situation.ended if each.clock == "quote"] == [("excused", 1)]
    home = await client.get("/")
    assert "Paused" in home.text
    assert "1 excused, counted neither way" in home.text
