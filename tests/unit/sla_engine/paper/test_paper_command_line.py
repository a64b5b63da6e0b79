# ruff: noqa: E501 - a line of a file of events is one line
"""Trying an agreement on paper: what `sla-engine check` and `judge` print, and what they refuse."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sla_engine.main import app
from tests.unit.sla_engine.agreement.test_agreement_faults import SOUND

EVENTS = """\
# Ada is owned in time and called late; Grace waits.
{"type": "lead.created", "lead": "crm:1", "occurred_at": "2024-01-09T09:00:00Z", "attributes": {"name": "Ada Lovelace"}}
{"type": "lead.stage_changed", "lead": "crm:1", "occurred_at": "2024-01-09T09:00:00Z", "stage": "mql"}
{"type": "lead.assigned", "lead": "crm:1", "occurred_at": "2024-01-09T09:20:00Z", "owner": {"kind": "user", "id": "hubspot:1"}}

{"type": "touch.logged", "lead": "crm:1", "occurred_at": "2024-01-09T10:50:00Z", "channel": "call", "received_at": "2024-01-09T11:00:00Z"}
{"type": "lead.stage_changed", "lead": "crm:2", "occurred_at": "2024-01-09T15:30:00Z", "stage": "mql"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agreement.yaml").write_text(SOUND)
    (tmp_path / "events.jsonl").write_text(EVENTS)
    return tmp_path


def judge(folder: Path, *more: str, at: str = "2024-01-09T17:00:00+01:00") -> tuple[int, str, str]:
    files = ["--agreement", str(folder / "agreement.yaml"), "--events", str(folder / "events.jsonl")]
    result = CliRunner().invoke(app, ["judge", *files, "--at", at, *more])
    return result.exit_code, result.stdout, result.stderr


def test_the_table_reads_well_at_100_columns(folder: Path) -> None:
    code, printed, _ = judge(folder)
    assert code == 0
    assert max(len(line) for line in printed.splitlines()) <= 100
    lines = [line.rstrip() for line in printed.splitlines()]
    assert lines[0].startswith("Test, version 3+")
    assert lines[0].endswith("judged Tue 2024-01-09 17:00:00 (Europe/Berlin)")
    assert lines[2:] == [
        "Ada Lovelace crm:1",
        "                        from               due                to                  business     wall",
        "Handoff (1h): met owned by a person",
        "  the clock             Tue 01-09 10:00    Tue 01-09 11:00    Tue 01-09 10:20      0:20:00  0:20:00",
        "  Marketing             Tue 01-09 10:00                       Tue 01-09 10:20      0:20:00  0:20:00",
        "First touch (1h): met late call by a person; breached Tue 01-09 11:20",
        "  the clock             Tue 01-09 10:20    Tue 01-09 11:20    Tue 01-09 11:50      1:30:00  1:30:00",
        "  Max Muster            Tue 01-09 10:20                       Tue 01-09 11:50      1:30:00  1:30:00",
        "",
        "crm:2",
        "                        from               due                to                  business     wall",
        "Handoff (1h): on track",
        "  the clock             Tue 01-09 16:30    Wed 01-10 09:30                         0:30:00  0:30:00",
        "  Marketing             Tue 01-09 16:30                                            0:30:00  0:30:00",
    ]


def test_announcements_come_as_they_would_have_been_made(folder: Path) -> None:
    _, printed, _ = judge(folder, "--announcements", "--json")
    said = [
        (each["announced_at"], each["clock"], each["type"])
        for lead in json.loads(printed)["leads"]
        for each in lead["announcements"]
    ]
    assert said == [
        ("2024-01-09T09:00:00Z", "handoff", "obligation.opened"),
        ("2024-01-09T09:20:00Z", "first_touch", "obligation.opened"),
        ("2024-01-09T09:20:00Z", "handoff", "obligation.met"),
        ("2024-01-09T10:05:00Z", "first_touch", "obligation.at_risk"),
        ("2024-01-09T10:20:30Z", "first_touch", "obligation.breached"),
        ("2024-01-09T11:00:00Z", "first_touch", "obligation.met_late"),
        ("2024-01-09T15:30:00Z", "handoff", "obligation.opened"),
    ]


def test_announcements_are_a_table_for_people(folder: Path) -> None:
    _, printed, _ = judge(folder, "--announcements")
    words = " ".join(printed.split())
    assert (
        "Nobody has contacted Ada Lovelace within 1 h; Max Muster has held the lead for 1 h of business time." in words
    )
    assert max(len(line) for line in printed.splitlines()) <= 100


def test_json_has_everything_of_a_verdict(folder: Path) -> None:
    _, printed, _ = judge(folder, "--json")
    whole = json.loads(printed)
    touch = whole["leads"][0]["obligations"][1]
    assert (touch["state"], touch["deadline"], touch["breached_at"]) == ("met_late", *["2024-01-09T10:20:00Z"] * 2)
    assert touch["stopped_at"] == "2024-01-09T10:50:00Z"
    assert (touch["business_seconds"], touch["wall_seconds"], touch["agreement_line"]) == (5400.0, 5400.0, 18)
    assert touch["holders"][0]["name"] == "Max Muster"
    assert "announcements" not in whole["leads"][0]


def test_the_instant_decides_what_is_known(folder: Path) -> None:
    _, printed, _ = judge(folder, "--json", at="2024-01-09T10:00:00Z")
    states = [[each["state"] for each in lead["obligations"]] for lead in json.loads(printed)["leads"]]
    assert states == [["met", "on_track"], []]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no json", "line 8: is no JSON"),
        ("[1]", "line 8: is no JSON object. Write one event a line, in braces"),
        ('{"type": "lead.creatd"}', 'line 8: "lead.creatd" is no type of lead event. Did you mean "lead.created"?'),
        ('{"lead": "x"}', 'line 8: "type" is missing. Write one of deal.created'),
        ('{"type": "lead.created", "lead": "x"}', 'line 8: "occurred_at" is missing. Add it'),
        (
            '{"type": "lead.created", "lead": "x", "occurred_at": "2024-01-09T09:00:00"}',
            "line 8: occurred_at: 2024-01-09T09:00:00 has no zone",
        ),
        (
            '{"type": "lead.assigned", "lead": "x", "occurred_at": "2024-01-09T09:00:00Z", "owner": {"kind": "man", "id": "1"}}',
            "line 8: owner.kind: Invalid enum value 'man'",
        ),
    ],
)
def test_a_bad_line_is_named_and_refused(folder: Path, line: str, said: str) -> None:
    (folder / "events.jsonl").write_text(f"{EVENTS}{line}\nworse\n")
    code, printed, error = judge(folder)
    assert (code, printed) == (2, "")
    first, second = error.splitlines()
    assert first.startswith(f"{folder / 'events.jsonl'}: {said}")
    assert "line 9: is no JSON" in second


@pytest.mark.parametrize("at", ["yesterday", "2024-01-09T10:00"])
def test_an_instant_without_meaning_is_refused(folder: Path, at: str) -> None:
    code, _, error = judge(folder, at=at)
    assert code == 2
    assert error.startswith(f'--at: "{at}" ')


def test_a_file_without_events_is_refused(folder: Path) -> None:
    (folder / "events.jsonl").write_text("# nothing\n")
    assert judge(folder)[0] == 2
    (folder / "events.jsonl").unlink()
    assert "can't be read" in judge(folder)[2]


def test_check_says_what_a_sound_agreement_promises(folder: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(folder / "agreement.yaml")])
    assert result.exit_code == 0
    assert "fit to be used: Test, version 3+" in result.stdout
    assert "Enterprise   15m" in result.stdout


def test_check_refuses_a_faulty_one_with_every_fault(folder: Path) -> None:
    (folder / "agreement.yaml").write_text(SOUND.replace("15m", "1 day").replace("75%", "soon"))
    result = CliRunner().invoke(app, ["check", str(folder / "agreement.yaml")])
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.partition("agreement.yaml: ")[2][:7] for line in result.stderr.splitlines()] == ["line 18", "line 20"]


def test_the_schema_is_printed_for_editors() -> None:
    result = CliRunner().invoke(app, ["schema"])
    assert json.loads(result.stdout)["properties"]["clocks"]


def test_an_edit_is_rehearsed_on_paper(folder: Path) -> None:
    (folder / "next.yaml").write_text(SOUND.replace("default: 1h", "default: 10m"))
    applied = f"{folder / 'next.yaml'}@2024-01-09T15:45:00Z"
    code, printed, _ = judge(folder, "--then", applied, "--json")
    assert code == 0
    whole = json.loads(printed)
    (ada, grace) = [{each["clock"]: each for each in lead["obligations"]} for lead in whole["leads"]]
    assert grace["handoff"]["deadline"] == "2024-01-09T15:40:00Z"
    assert grace["handoff"]["agreement_version"] == whole["agreement_version"]
    assert ada["handoff"]["agreement_version"] != whole["agreement_version"], "closed under the first edition"
    _, printed, _ = judge(folder, "--then", f"{applied},keep")
    assert "by version 3+" in printed
    _, printed, _ = judge(folder, "--then", f"{applied},restart", "--json")
    assert json.loads(printed)["leads"][1]["obligations"][0]["deadline"] == "2024-01-09T15:55:00Z"


@pytest.mark.parametrize(
    ("then", "cure"),
    [
        ("next.yaml", "Write it such as next.yaml@"),
        ("agreement.yaml@soon", "is no instant"),
        ("agreement.yaml@2024-01-09T15:45:00", "has no zone"),
        ("agreement.yaml@2024-01-09T15:45:00Z,forget", "keep, recompute or restart"),
        ("nowhere.yaml@2024-01-09T15:45:00Z", "can't be read"),
    ],
)
def test_what_is_wrong_with_a_later_edition_is_said_with_the_cure(folder: Path, then: str, cure: str) -> None:
    code, _, said = judge(folder, "--then", str(folder / then))
    assert (code, cure in said) == (2, True)


def test_later_editions_come_in_their_order(folder: Path) -> None:
    late, early = [f"{folder / 'agreement.yaml'}@2024-01-0{day}T10:00Z" for day in (9, 8)]
    code, _, said = judge(folder, "--then", late, "--then", early)
    assert (code, "in their order" in said) == (2, True)
