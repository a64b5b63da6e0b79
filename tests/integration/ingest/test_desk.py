"""`ingest dead-letters` and `ingest replay` as an operator uses them, beside what the service left."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ingest.application.intake import received_record
from ingest.main.command_line import app
from shared.events.topics import CRM_RECEIVED
from tests.integration.ingest.translating import SOURCE, Parts, parts, published, until_caught_up
from tests.support.ingest_sources import raw_of

pytestmark = pytest.mark.postgres

SOURCES = """
sources:
  - name: form
    kind: json
    public_url: https://in.example.com/webhooks/crm
    account: acme
    verify: {method: none}
    mapping:
      stages: {mql: mql, STAGE: mql}
      rules:
        - {type: lead.stage_changed, lead: id, fields: {stage: stage}}
"""


async def desk(environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command."""
    assert app.info.name == "ingest"
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("ingest")),
        *arguments,
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def environment(folder: Path, database_url: str, *, mapped: str) -> dict[str, str]:
    """The operator's, with a sources file that knows the stage `mapped`."""
    sources = folder / "sources.yaml"
    sources.write_text(SOURCES.replace("STAGE", mapped), encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "COLUMNS": "200",
        "LEADPACT_DATABASE_URL": database_url,
        "LEADPACT_INGEST_SOURCES": str(sources),
    }


async def leave_a_dead_letter(there: Parts) -> None:
    """One request that is translated and one whose stage nobody mapped."""
    bodies = ({"id": "lead-1", "stage": "mql"}, {"id": "lead-2", "stage": "handraiser"})
    await there.stream.append(CRM_RECEIVED, [received_record(raw_of(SOURCE, body)) for body in bodies])
    await until_caught_up(there.translating(), there.stream)


async def test_from_a_dead_letter_to_a_corrected_mapping_and_its_events(tmp_path: Path, database_url: str) -> None:
    async with parts(database_url) as there:
        await leave_a_dead_letter(there)
        before = environment(tmp_path, database_url, mapped="other")
        code, listed, _ = await desk(before, "dead-letters", "list")
        assert code == 0
        assert "unmapped_stage" in listed
        code, lines, errors = await desk(before, "dead-letters", "list", "--json", "--source", "form")
        (letter,) = [json.loads(line) for line in lines.splitlines()]
        assert errors == ""
        code, shown, _ = await desk(before, "dead-letters", "show", letter["id"][:8])
        assert code == 0
        assert '"stage": "handraiser"' in shown
        code, told, _ = await desk(before, "dead-letters", "redrive", letter["id"])
        assert (code, told) == (1, "0 translated, 1 failed again\n")
        after = environment(tmp_path, database_url, mapped="handraiser")
        code, told, _ = await desk(after, "dead-letters", "redrive", "--all", "--reason", "unmapped_stage")
        assert (code, told) == (0, "1 translated, 0 failed again\n")
        assert await desk(after, "dead-letters", "list") == (0, "no dead letters\n", "")
        assert {event.lead[-6:] for event in await published(there.stream)} == {"lead-1", "lead-2"}


async def test_a_replay_tells_how_far_it_came(tmp_path: Path, database_url: str) -> None:
    async with parts(database_url) as there:
        await leave_a_dead_letter(there)
        told = environment(tmp_path, database_url, mapped="handraiser")
        code, out, _ = await desk(told, "replay", "--from", "beginning", "--source", "form")
        assert (code, out) == (0, "2 requests read, 2 translated into 2 events, 0 with failures; done\n")
        assert len({event.id for event in await published(there.stream)}) == 2
        code, _, errors = await desk(told, "replay", "--from", "beginning", "--source", "nobody")
        assert code == 2
        assert "there are: form" in errors


async def test_without_a_schema_the_desk_says_what_to_do(tmp_path: Path, database_url: str) -> None:
    told = environment(tmp_path, database_url, mapped="x")
    code, _, errors = await desk(told, "dead-letters", "list")
    assert code == 2
    assert "ingest migrate" in errors
    assert await desk(told, "migrate") == (0, "applied: 0001, 0002\n", "")
    assert await desk(told, "migrate") == (0, "the schema is up to date\n", "")
    assert (await desk(told, "dead-letters", "list"))[0] == 0
