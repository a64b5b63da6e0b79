# ruff: noqa: E501 - a line of a file of events is one line
"""`sla-engine judge` on everything that an agreement can declare: rounds, pauses, excuses, chains, appointments, blame,
merged leads – without database or stream."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sla_engine.main import app

AGREEMENT = """\
agreement: {name: Test, version: 1, timezone: UTC}
parties:
  marketing: {name: Marketing}
  sales: {name: Sales, team: Inside sales}
people:
  - {name: Max Muster, id: max, crm: [u1]}
  - {name: Eva Example, id: eva, crm: [u2]}
teams:
  - {name: Inside sales, members: [max, eva], calendar: office}
calendars:
  office: {week: {monday-friday: "09:00-17:00"}}
exceptions:
  - {from: "2024-01-10 09:00", to: "2024-01-10 10:00", effect: excuse, why: fire drill, by: Mia, clocks: [first_touch]}
clocks:
  first_touch:
    targets: {default: 1h}
    pause: {stage: [sal]}
    blame: longest_holder
  next_touch: {targets: {default: [1h, 4h]}}
  quote:
    name: Quote
    start: {ended: first_touch}
    stop: {event: deal.created}
    targets: {default: next business day 10:00}
"""
EVENTS = """\
{"type": "lead.created", "lead": "crm:1", "occurred_at": "2024-01-09T09:00:00Z", "attributes": {"name": "Ada Lovelace"}}
{"type": "lead.stage_changed", "lead": "crm:1", "occurred_at": "2024-01-09T09:00:00Z", "stage": "mql"}
{"type": "lead.assigned", "lead": "crm:1", "occurred_at": "2024-01-09T09:00:00Z", "owner": {"kind": "user", "id": "u1"}}
{"type": "lead.stage_changed", "lead": "crm:1", "occurred_at": "2024-01-09T09:10:00Z", "stage": "sal"}
{"type": "lead.stage_changed", "lead": "crm:1", "occurred_at": "2024-01-09T09:40:00Z", "stage": "mql"}
{"type": "lead.assigned", "lead": "crm:1", "occurred_at": "2024-01-09T10:20:00Z", "owner": {"kind": "user", "id": "u2"}}
{"type": "touch.logged", "lead": "crm:1", "occurred_at": "2024-01-09T11:00:00Z", "channel": "call", "performed_by": {"kind": "user", "id": "u2"}}
{"type": "touch.logged", "lead": "crm:1", "occurred_at": "2024-01-09T11:30:00Z", "channel": "call", "performed_by": {"kind": "user", "id": "u2"}}
{"type": "lead.stage_changed", "lead": "crm:2", "occurred_at": "2024-01-10T08:30:00Z", "stage": "mql"}
{"type": "lead.assigned", "lead": "crm:2", "occurred_at": "2024-01-10T08:30:00Z", "owner": {"kind": "user", "id": "u1"}}
{"type": "lead.stage_changed", "lead": "crm:3", "occurred_at": "2024-01-10T12:00:00Z", "stage": "mql"}
{"type": "lead.assigned", "lead": "crm:3", "occurred_at": "2024-01-10T12:00:00Z", "owner": {"kind": "user", "id": "u1"}}
{"type": "touch.logged", "lead": "crm:4", "occurred_at": "2024-01-10T12:20:00Z", "channel": "call", "received_at": "2024-01-10T12:20:00Z"}
{"type": "lead.merged", "lead": "crm:4", "occurred_at": "2024-01-10T12:30:00Z", "into": "crm:3"}
{"type": "lead.stage_changed", "lead": "crm:5", "occurred_at": "2024-01-10T12:00:00Z", "stage": "mql"}
{"type": "lead.merged", "lead": "crm:5", "occurred_at": "2024-01-10T12:40:00Z", "into": "crm:6"}
"""

Json = dict[str, Any]


@pytest.fixture
def judged(tmp_path: Path) -> dict[str, Json]:
    return {lead["lead"]: lead for lead in json.loads(run(tmp_path, "--json", "--announcements", "--explain"))["leads"]}


def run(folder: Path, *more: str) -> str:
    (folder / "agreement.yaml").write_text(AGREEMENT)
    (folder / "events.jsonl").write_text(EVENTS)
    files = ["--agreement", str(folder / "agreement.yaml"), "--events", str(folder / "events.jsonl")]
    result = CliRunner().invoke(app, ["judge", *files, "--at", "2024-01-10T16:00:00Z", *more])
    assert result.exit_code == 0, result.output
    return result.stdout


def promise(lead: Json, clock: str, number: int = 1) -> Json:
    found = [each for each in lead["obligations"] if (each["clock"], each["round"]) == (clock, number)]
    assert len(found) == 1, lead["obligations"]
    promised: Json = found[0]
    return promised


def test_a_pause_and_the_rule_of_blame(judged: dict[str, Json]) -> None:
    touch = promise(judged["crm:1"], "first_touch")
    assert (touch["state"], touch["deadline"]) == ("met_late", "2024-01-09T10:30:00Z")
    (pause,) = touch["pauses"]
    assert (pause["from"], pause["to"]) == ("2024-01-09T09:10:00Z", "2024-01-09T09:40:00Z")
    assert pause["from_event"]
    assert pause["to_event"]
    assert (touch["breach"]["charged"], touch["breach"]["rule"]) == ("max", "longest_holder")
    assert [each["business_seconds"] for each in touch["breach"]["holders"]] == [3000.0, 600.0]
    assert touch["ended_by"] == "stopped"


def test_rounds_with_their_own_targets(judged: dict[str, Json]) -> None:
    first, second = (promise(judged["crm:1"], "next_touch", number) for number in (1, 2))
    assert (first["state"], first["ended_by"], first["target_seconds"]) == ("met", "reset", 3600.0)
    assert (second["state"], second["deadline"], second["target_seconds"]) == (
        "breached",
        "2024-01-09T15:30:00Z",
        14400.0,
    )


def test_a_chain_and_an_appointment(judged: dict[str, Json]) -> None:
    quote = promise(judged["crm:1"], "quote")
    assert (quote["started_at"], quote["deadline"]) == ("2024-01-09T11:00:00Z", "2024-01-10T10:00:00Z")
    assert (quote["target"], quote["state"]) == ("next business day 10:00", "breached")


def test_an_excuse(judged: dict[str, Json]) -> None:
    touch = promise(judged["crm:2"], "first_touch")
    assert (touch["state"], touch["breach"]) == ("excused", None)
    assert (touch["excuse"]["reason"], touch["excuse"]["author"], touch["excuse"]["agreement_line"]) == (
        "fire drill",
        "Mia",
        13,
    )


def test_what_a_merged_lead_knows_counts_for_the_winner_also_in_what_is_said(judged: dict[str, Json]) -> None:
    winner = promise(judged["crm:3"], "first_touch")
    assert (winner["state"], winner["stopped_at"]) == ("met", "2024-01-10T12:20:00Z")
    said = [
        (each["type"], each["announced_at"])
        for each in judged["crm:3"]["announcements"]
        if each["clock"] == "first_touch"
    ]
    assert said == [("obligation.opened", "2024-01-10T12:00:00Z"), ("obligation.met", "2024-01-10T12:30:00Z")]
    assert "crm:6" in judged, "a winner of which no event tells is judged as well"


def test_everything_is_explained(judged: dict[str, Json]) -> None:
    (touch,) = [each for each in judged["crm:1"]["explanation"]["obligations"] if each["clock"] == "first_touch"]
    assert [ground["role"] for ground in touch["grounds"]] == ["started", "started", "paused", "resumed", "stopped"]
    assert touch["charge"]["because"] == "had held it longest by the deadline"
    assert [(each["transition"], each["standing"]) for each in touch["announcements"]] == [
        ("opened", True),
        ("at_risk", True),
        ("breached", True),
        ("met_late", True),
    ]


def test_tables_and_explanations_read_well_in_a_terminal(tmp_path: Path) -> None:
    table = run(tmp_path)
    assert "charged to Max Muster" in table
    assert "excused by Mia" in table
    assert "Next touch round 2" in table
    explained = run(tmp_path, "--explain")
    assert max(map(len, explained.splitlines())) <= 80
    assert "asked: when First touch ended" in explained
    assert "excused by Mia, charged to nobody: fire drill (line 13)" in explained
