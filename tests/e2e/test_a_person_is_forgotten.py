"""A person asks to be deleted: afterwards nothing in any table of any service names them, and everything still counts.

The test walks every table there is. A new table must be named here: as one that the story fills, or as one that can
hold nothing personal, with the reason.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import httpx
import pytest

from shared.events.topics import LEAD_EVENTS, SLA_EVENTS
from shared.streams.connect import open_stream
from shared.streams.port import Record
from tests.support.deployment import Deployment
from tests.support.eventually import eventually
from tests.support.slack_fake import SlackFake, slack_fake

pytestmark = pytest.mark.postgres

MARKS = ("Quillfeather", "quillfeather.test", "5550199", "Millsworks")
"""Name, address, phone, company."""
PERSON = {"name": f"Ada {MARKS[0]}", "email": f"ada@{MARKS[1]}", "phone": f"+4930{MARKS[2]}", "company": MARKS[3]}
LEAD, MERGED, OTHER = "form:acme:lead:p-4711", "form:acme:lead:p-4712", "form:acme:lead:p-4713"
NAMES_THEM = {
    "ingest.dead_requests",
    "notifier.dead_letters",
    "notifier.inbox",
    "sla_engine.dead_letters",
    "sla_engine.leads",
    "sla_engine.obligations",
    "stream.records",
}
"""Tables that hold something about the person at the end of the story."""
NAMES_NOBODY = {
    "ingest.dead_letters": "what failed where; the request is kept apart",
    "ingest.alembic_version": "revisions",
    "ingest.forgetting_offsets": "positions",
    "ingest.forgotten": "keys of leads that are forgotten",
    "ingest.heard": "names of sources",
    "ingest.offsets": "positions",
    "notifier.alembic_version": "revisions",
    "notifier.deliveries": "what went where; the event it tells of is kept apart",
    "notifier.forgotten": "keys of leads that are forgotten",
    "notifier.offsets": "positions",
    "notifier.paces": "destinations",
    "sla_engine.agreements": "agreements",
    "sla_engine.alembic_version": "revisions",
    "sla_engine.forgotten": "keys of leads that are forgotten, and counts",
    "sla_engine.outbox": "empty once published; the engine's own test looks at it full",
    "sla_engine.partitions": "positions",
    "sla_engine.wakeups": "instants",
    "stream.claims": "who reads what",
    "stream.members": "who reads what",
    "stream.partitions": "positions",
    "stream.schema_version": "a number",
    "stream.topics": "names of topics",
}
SOURCES = """
sources:
  - name: form
    kind: json
    account: acme
    public_url: https://in.example.com/webhooks/form
    verify: {method: none}
    mapping:
      stages: {hot: mql}
      rules:
        - type: lead.created
          when: kind == 'signup'
          lead: id
          occurred_at: at
          fields: {name: name, email: email, phone: phone, company: company}
        - {type: lead.stage_changed, when: kind == 'signup', lead: id, occurred_at: at, fields: {stage: "'hot'"}}
        - {type: lead.assigned, when: kind == 'signup', lead: id, occurred_at: at, fields: {owner: "'u-max'"}}
        - {type: lead.stage_changed, when: kind == 'stage', lead: id, occurred_at: at, fields: {stage: stage}}
        - {type: lead.rejected, when: kind == 'rejected', lead: id, occurred_at: at, fields: {reason: why}}
        - {type: lead.merged, when: kind == 'merged', lead: id, occurred_at: at, fields: {into: into}}
        - type: touch.logged
          when: kind == 'call'
          lead: id
          occurred_at: at
          fields: {channel: "'call'", performed_by: "'u-max'", performed_at: at, outcome: result}
"""
AGREEMENT = """
agreement: {name: Test agreement, version: 1, timezone: UTC}
parties:
  marketing: {name: Marketing, team: Campaigns}
  sales: {name: Sales, team: Inside sales}
people:
  - {name: Max Muster, id: max, crm: ["u-max"]}
teams:
  - {name: Inside sales, members: [max], manager: max}
  - {name: Campaigns, manager: max}
calendars:
  nonstop: {week: {daily: "00:00-24:00"}}
clocks:
  handoff: {targets: {default: 1s}, settle: 0s}
  first_touch: {targets: {default: 1s}, settle: 0s}
"""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def rows_of(connection: Connection) -> dict[str, str]:
    """Every table of every service and of the log, with all its rows as text."""
    tables = await connection.fetch(
        "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'public') AND table_type = 'BASE TABLE'"
    )
    found = {}
    for table in tables:
        schema, name = table["name"].split(".")
        rows = await connection.fetch(f'SELECT * FROM "{schema}"."{name}"')
        found[table["name"]] = repr([list(row.values()) for row in rows])
    return found


def naming(tables: Mapping[str, str]) -> set[str]:
    """The tables in which the person is named."""
    return {name for name, rows in tables.items() if any(mark in rows for mark in MARKS)}


async def counted(connection: Connection) -> list[Any]:
    rows = await connection.fetch(
        "SELECT l.key, o.clock, o.cycle, o.state, o.outcome, o.owner, o.decided_at FROM sla_engine.obligations o"
        " JOIN sla_engine.leads l ON l.id = o.lead ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in rows]


async def figures(services: Deployment) -> list[str]:
    """What Prometheus is told about promises, ages apart."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{services['sla-engine'].url}/metrics")).text
    wanted = ("leadpact_obligations_", "leadpact_window_obligations")
    return [line for line in text.splitlines() if line.startswith(wanted) and "_created" not in line]


async def tell(services: Deployment, *bodies: object) -> None:
    async with httpx.AsyncClient(base_url=services["ingest"].url) as client:
        for body in bodies:
            answer = await client.post("/webhooks/form", json=body)
            assert answer.status_code == 202, answer.text


async def unreadable(url: str) -> None:
    """Records about the person that neither engine nor notifier can read."""
    value = f'{{"type": "nothing known", "lead": "{LEAD}", "lead_name": "{PERSON["name"]}"}}'.encode()
    async with open_stream(None, database_url=url, client_id="test") as stream:
        for topic in (LEAD_EVENTS, SLA_EVENTS):
            await stream.append(topic, [Record(key=LEAD.encode(), value=value)])


async def forget(environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """`sla-engine forget`: exit code and what was printed."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("sla-engine")),
        "forget",
        *arguments,
        env={**{name: value for name, value in os.environ.items() if not name.startswith("LEADPACT_")}, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def shown(slack: SlackFake) -> str:
    """What stands in Slack now."""
    return repr([(message.text, message.blocks) for message in slack.messages])


async def test_nothing_names_the_person_any_more_and_everything_still_counts(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(SOURCES)
    (tmp_path / "agreement.yaml").write_text(AGREEMENT)
    async with slack_fake(pace_seconds=0.0) as slack:
        environment = {
            "LEADPACT_DATABASE_URL": database_url,
            "LEADPACT_STATE_DIR": str(tmp_path / "state"),
            "LEADPACT_STREAM_PARTITIONS": "2",
            "LEADPACT_INGEST_SOURCES": str(tmp_path / "sources.yaml"),
            "LEADPACT_ENGINE_AGREEMENT": str(tmp_path / "agreement.yaml"),
            "LEADPACT_NOTIFIER_SLACK_BOT_TOKEN": slack.token,
            "LEADPACT_NOTIFIER_SLACK_API_URL": slack.api_url,
        }
        connection = await asyncpg.connect(database_url)
        try:
            async with Deployment(tmp_path, environment=environment) as services:
                await _story(services, slack, connection, database_url)
                before = await counted(connection)
                figures_before = await figures(services)
                code, out, err = await forget(environment, LEAD)
                assert code == 0, err
                assert f"{LEAD} is forgotten" in out

                async def gone() -> bool:
                    tables = await rows_of(connection)
                    assert not naming(tables), {name: tables[name] for name in naming(tables)}
                    assert all(mark not in shown(slack) for mark in MARKS), shown(slack)
                    return True

                await eventually(gone, within_seconds=30, what="nothing names the person")
                assert await counted(connection) == before
                assert await figures(services) == figures_before
                assert "Kim Other" in (await rows_of(connection))["sla_engine.leads"], "others stay as they are"

                await tell(services, {"kind": "stage", "id": "p-4711", "at": "2026-01-05T12:00:00Z", **PERSON})
                await tell(services, {"kind": "signup", "id": "p-4712", "at": "2026-01-05T12:00:00Z", **PERSON})
                await tell(services, {"kind": "signup", "id": "p-4714", "at": "2026-01-05T12:00:00Z"})
                await _until_known(connection, "form:acme:lead:p-4714")
                kept = await rows_of(connection)
                assert naming(kept) <= {"stream.records"}, "the log of raw requests ends by its retention"
                await _the_command(environment)
        finally:
            await connection.close()


async def _story(services: Deployment, slack: SlackFake, connection: Connection, url: str) -> None:
    at = {"at": "2026-01-05T10:00:00Z"}
    await tell(
        services,
        {"kind": "signup", "id": "p-4711", **PERSON, **at},
        {"kind": "signup", "id": "p-4712", **PERSON, **at},
        {"kind": "signup", "id": "p-4713", "name": "Kim Other", **at},
        {"kind": "stage", "id": "p-4711", "stage": "no such stage", **PERSON, **at},
    )

    async def breached() -> bool:
        assert shown(slack).count(MARKS[0]) >= 2
        return True

    await eventually(breached, within_seconds=30, what="broken promises are told")
    await tell(
        services,
        {"kind": "rejected", "id": "p-4712", "at": "2026-01-05T10:00:00.500Z", "why": f"{MARKS[3]} is gone"},
        {"kind": "rejected", "id": "p-4711", "at": "2026-01-05T11:10:00Z", "why": f"{MARKS[3]} has no budget"},
        {"kind": "call", "id": "p-4711", "at": "2026-01-05T11:20:00Z", "result": f"{MARKS[0]} hung up"},
        {"kind": "rejected", "id": "p-4713", "at": "2026-01-05T11:10:00Z", "why": "no budget"},
        {"kind": "merged", "id": "p-4712", "into": "p-4711", "at": "2026-01-05T11:30:00Z"},
    )
    await unreadable(url)

    async def told() -> bool:
        tables = await rows_of(connection)
        assert set(tables) == NAMES_THEM | set(NAMES_NOBODY), "say of a new table whether it can name a person"
        assert naming(tables) == NAMES_THEM, naming(tables)
        assert await connection.fetchval("SELECT count(*) FROM sla_engine.outbox") == 0
        merged = await connection.fetchval("SELECT history FROM sla_engine.leads WHERE key = $1", LEAD)
        assert MERGED.encode() in merged
        announced = await connection.fetchval("SELECT announced FROM sla_engine.leads WHERE key = $1", MERGED)
        assert f"{MARKS[3]} is gone".encode() in announced, "why a breach was taken back"
        return True

    await eventually(told, within_seconds=30, what="the story is told")


async def _until_known(connection: Connection, lead: str) -> None:
    async def known() -> bool:
        return bool(await connection.fetchval("SELECT count(*) FROM sla_engine.leads WHERE key = $1", lead))

    await eventually(known, within_seconds=30, what=f"{lead} is known")


async def _the_command(environment: Mapping[str, str]) -> None:
    """Asked again, it says what was done; of a lead that nobody knows, what to do."""
    code, out, _ = await forget(environment, LEAD)
    assert code == 0
    assert f"{LEAD} was forgotten" in out
    assert "promises still count" in out
    code, _, err = await forget(environment, "form:acme:lead:nobody")
    assert code == 1
    assert "no event of a lead with the key 'form:acme:lead:nobody' has been seen" in err
    code, out, _ = await forget(environment, "form:acme:lead:nobody", "--source", "form")
    assert (code, "is forgotten" in out) == (0, True)
