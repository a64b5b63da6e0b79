"""`plan`, `apply` and `editions` as commands: what they print, ask and refuse, and their exit codes."""

import asyncio
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sla_engine.adapters.draft_file import read_draft
from sla_engine.application.in_force import Applied, Archive, Draft
from sla_engine.domain.editions import OpenChoice
from sla_engine.domain.history import History
from sla_engine.entrypoints.editing import CannotReach, Desk, OpenArchive, register
from tests.support.edition_archive import MemoryArchive
from tests.support.engine_stack import PACT
from tests.support.story_builder import Lead, utc


class Terminal:
    """Somebody at a terminal, who answers as told."""

    def __init__(self, directory: Path) -> None:
        lead = Lead()
        lead.stage("2024-01-08 11:00")
        lead.owner("2024-01-08 11:00")
        self.archive = MemoryArchive(utc("2024-01-08 12:00"), [History.of(lead.events)])
        self.directory = directory
        self.interactive = True
        self.open_archive: OpenArchive = self.archive.opened

    def file(self, name: str, target: str) -> Path:
        path = self.directory / name
        path.write_text(PACT.format(target=target, settle="0s"))
        return path

    def run(self, *arguments: str | Path, answer: str | None = None) -> tuple[int, str, str]:
        app = typer.Typer()
        register(
            app,
            Desk(
                read_draft=read_draft,
                open_archive=self.open_archive,
                who=lambda: "ada",
                at_terminal=lambda: self.interactive,
            ),
        )
        result = CliRunner().invoke(app, [str(each) for each in arguments], input=answer)
        return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    made = Terminal(tmp_path)
    asyncio.run(made.archive.apply(read_draft(made.file("first.yaml", "1h")), open_=OpenChoice.KEEP, by="run", after=0))
    return made


def test_apply_asks_and_does_as_it_is_told(terminal: Terminal) -> None:
    file = terminal.file("next.yaml", "2h")
    code, out, err = terminal.run("apply", file, "--open", "keep", answer="n\n")
    assert (code, len(terminal.archive.stored)) == (1, 1)
    assert "Apply it?" in out
    assert "nothing was applied" in err
    code, out, _ = terminal.run("apply", file, "--open", "keep", answer="y\n")
    assert (code, len(terminal.archive.stored)) == (0, 2)
    assert "applied as edition 2" in out
    assert "sla-engine editions" in out
    assert (terminal.archive.stored[1].open, terminal.archive.applied_by[1]) == (OpenChoice.KEEP, "ada")


def test_apply_recomputes_unless_told_otherwise_and_does_not_ask_when_told_so(terminal: Terminal) -> None:
    terminal.interactive = False
    code, out, _ = terminal.run("apply", terminal.file("next.yaml", "2h"), "--yes")
    assert code == 0
    assert "Apply it?" not in out
    assert terminal.archive.stored[1].open is OpenChoice.RECOMPUTE


def test_apply_asks_nobody_where_there_is_no_terminal(terminal: Terminal) -> None:
    terminal.interactive = False
    code, _, err = terminal.run("apply", terminal.file("next.yaml", "2h"))
    assert (code, "--yes" in err, len(terminal.archive.stored)) == (2, True, 1)


def test_what_is_in_force_already_is_not_applied_again(terminal: Terminal) -> None:
    code, out, _ = terminal.run("apply", terminal.directory / "first.yaml")
    assert (code, "Nothing would change" in out, len(terminal.archive.stored)) == (0, True, 1)


def test_apply_stops_where_somebody_else_was_faster(terminal: Terminal) -> None:
    class Hurried(MemoryArchive):
        async def apply(self, draft: Draft, *, open_: OpenChoice, by: str, after: int) -> Applied:
            await super().apply(draft, open_=open_, by="somebody else", after=after)
            return await super().apply(draft, open_=open_, by=by, after=after)

    hurried = Hurried(terminal.archive.now)
    hurried.stored, hurried.applied_by = terminal.archive.stored, terminal.archive.applied_by
    terminal.open_archive = hurried.opened
    code, _, err = terminal.run("apply", terminal.file("next.yaml", "2h"), "--yes")
    assert (code, "meanwhile" in err) == (1, True)


def test_a_faulty_file_is_refused_with_every_fault(terminal: Terminal) -> None:
    for command in ("plan", "apply"):
        code, _, err = terminal.run(command, terminal.file("bad.yaml", "2 parsecs"))
        assert (code, err.count('"2 parsecs"')) == (2, 2)
        code, _, err = terminal.run(command, terminal.directory / "nowhere.yaml")
        assert (code, "can't be read" in err) == (2, True)
    assert len(terminal.archive.stored) == 1


def test_a_database_that_can_not_be_reached_is_said_with_its_cure(terminal: Terminal) -> None:
    class Nowhere:
        async def __aenter__(self) -> Archive:
            raise CannotReach("the schema lacks 0005: run `sla-engine migrate`")

        async def __aexit__(self, *_: object) -> None: ...

    terminal.open_archive = Nowhere
    for arguments in (["plan", str(terminal.file("next.yaml", "2h"))], ["editions"]):
        code, _, err = terminal.run(*arguments)
        assert (code, "sla-engine migrate" in err) == (2, True)


def test_before_anything_was_applied_a_plan_says_so(terminal: Terminal) -> None:
    terminal.archive.stored.clear()
    terminal.archive.applied_by.clear()
    code, out, _ = terminal.run("plan", terminal.directory / "first.yaml")
    assert (code, "nothing was applied yet" in out, "first edition" in out) == (0, True, True)
    assert "Nothing was applied yet" in terminal.run("editions")[1]


def test_a_plan_is_given_to_programs_for_one_choice_or_for_all(terminal: Terminal) -> None:
    file = terminal.file("next.yaml", "30m")
    code, out, _ = terminal.run("plan", file, "--json")
    assert code == 0
    plan = json.loads(out)
    assert [each["choice"] for each in plan["outlooks"]] == ["keep", "recompute", "restart"]
    code, out, _ = terminal.run("plan", file, "--json", "--open", "restart")
    assert [each["choice"] for each in json.loads(out)["outlooks"]] == ["restart"]
    assert len(terminal.archive.stored) == 1


def test_editions_are_listed_newest_first_with_how_far_they_have_come(terminal: Terminal) -> None:
    terminal.run("apply", terminal.file("next.yaml", "2h"), "--yes", "--open", "restart")
    code, out, _ = terminal.run("editions")
    assert code == 0
    rows = [line.split() for line in out.splitlines() if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows] == ["2", "1"]
    assert "restart" in rows[0]
    assert "2 of 3 partitions" in out
