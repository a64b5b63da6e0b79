"""`ingest run` as a real process over real HTTP, with its database stopped and started under it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg
import httpx
import pytest

from shared.events import lead
from shared.events.topics import CRM_RECEIVED, LEAD_EVENTS
from shared.streams.connect import open_stream
from tests.integration.ingest.translating import values_of
from tests.support.deployment import ServiceProcess, free_port
from tests.support.eventually import eventually
from tests.support.postgres_server import BreakablePostgres

pytestmark = pytest.mark.postgres

SOURCES = """
sources:
  - name: crm
    kind: pipedrive
    public_url: https://hooks.example.com/webhooks/crm
    verify: {username: leadpact}
    secrets:
      - env: TEST_CRM_PASSWORD
    mapping:
      stage_on_create: mql
"""
HEADERS = {
    "authorization": "Basic " + base64.b64encode(b"leadpact:pw").decode(),
    "content-type": "application/json",
}


def created(number: int) -> bytes:
    """A new lead, as Pipedrive tells it."""
    lead_id = f"b1810ca0-0000-11ee-8000-{number:012d}"
    data = {"id": lead_id, "title": f"Lead {number}", "owner_id": 7, "add_time": "2026-03-02T10:00:00Z"}
    meta = {
        "action": "create",
        "entity": "lead",
        "entity_id": lead_id,
        "id": f"5d2e2a6c-0000-4c00-8000-{number:012d}",
        "timestamp": "2026-03-02T10:00:00.000Z",
        "user_id": "7",
        "company_id": "77",
        "version": "2.0",
    }
    return json.dumps({"data": data, "previous": None, "meta": meta}).encode()


def ingest(folder: Path, database_url: str, environment: Mapping[str, str] | None = None) -> ServiceProcess:
    """A process that is not started yet."""
    sources = folder / "sources.yaml"
    sources.write_text(SOURCES, encoding="utf-8")
    told = {
        "PATH": "/usr/bin:/bin",
        "LEADPACT_DATABASE_URL": database_url,
        "LEADPACT_STATE_DIR": str(folder / "state"),
        "LEADPACT_INGEST_SOURCES": str(sources),
        "LEADPACT_STREAM_PARTITIONS": "2",
        "LEADPACT_LOG_FORMAT": "console",
        "TEST_CRM_PASSWORD": "pw",
        **(environment or {}),
    }
    return ServiceProcess("ingest", port=free_port(), environment=told, directory=folder, label="ingest")


async def listening(service: ServiceProcess) -> None:
    """Wait until it answers at all."""
    async with httpx.AsyncClient(base_url=service.url) as client:

        async def look() -> bool:
            assert service.alive, service.last_words()
            try:
                return (await client.get("/livez")).status_code == 200
            except httpx.TransportError as error:
                raise OSError(str(error)) from error

        await eventually(look, within_seconds=30, what="ingest listens")


async def post(service: ServiceProcess, *numbers: int) -> list[int]:
    """The statuses of these leads' webhooks, sent one after the other."""
    async with httpx.AsyncClient(base_url=service.url, timeout=10) as client:
        return [
            (await client.post("/webhooks/crm", content=created(number), headers=HEADERS)).status_code
            for number in numbers
        ]


async def titles(database_url: str) -> list[str]:
    """The leads created, in the order of the stream; each once, however often its event is there."""
    async with open_stream(None, database_url=database_url, client_id="test") as stream:
        events = {event.id: event for event in map(lead.decode, await values_of(stream, LEAD_EVENTS))}
    return sorted(event.lead[-12:] for event in events.values() if isinstance(event, lead.LeadCreated))


async def until_created(database_url: str, count: int) -> None:
    """Wait until so many leads' events are there."""

    async def look() -> bool:
        found = await titles(database_url)
        assert found == [f"{number:012d}" for number in range(count)]
        return True

    await eventually(look, within_seconds=30, what=f"events of {count} leads")


async def metric(service: ServiceProcess, name: str) -> float:
    """The value of a metric without labels."""
    async with httpx.AsyncClient(base_url=service.url) as client:
        for line in (await client.get("/metrics")).text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split(" ")[1])
    raise AssertionError(f"no metric {name}")


@pytest.fixture
async def running(tmp_path: Path, database_url: str) -> AsyncIterator[ServiceProcess]:
    service = ingest(tmp_path, database_url)
    await service.start()
    try:
        await service.ready()
        yield service
    finally:
        await service.kill()


async def test_a_webhook_over_http_becomes_lead_events(running: ServiceProcess, database_url: str) -> None:
    assert await post(running, 0, 1, 2) == [200, 200, 200]
    await until_created(database_url, 3)
    async with open_stream(None, database_url=database_url, client_id="test") as stream:
        requests = await values_of(stream, CRM_RECEIVED)
    assert len(requests) == 3
    assert not [value for value in requests if b"bGVhZHBhY3Q6cHc" in value], "credentials are stored"
    assert await running.stop() == 0


async def test_kill_9_and_a_restart_go_on_where_it_was(
    running: ServiceProcess, tmp_path: Path, database_url: str
) -> None:
    assert await post(running, *range(20)) == [200] * 20
    await running.kill()
    again = ingest(tmp_path, database_url)
    await again.start()
    try:
        await again.ready()
        assert await post(again, *range(20, 25)) == [200] * 5
        await until_created(database_url, 25)
        assert await again.stop() == 0
    finally:
        await again.kill()


async def test_database_and_stream_may_go_away_and_every_request_is_still_answered(
    tmp_path: Path, breakable_postgres: BreakablePostgres
) -> None:
    service = ingest(tmp_path, breakable_postgres.url)
    await service.start()
    try:
        await service.ready()
        assert await post(service, 0, 1) == [200, 200]
        await breakable_postgres.kill()
        assert await post(service, *range(2, 30)) == [200] * 28
        assert await metric(service, "leadpact_spool_pending_requests") >= 28
        async with httpx.AsyncClient(base_url=service.url) as client:
            answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert {"database", "stream"} <= {missing["name"] for missing in answer.json()["missing"]}
        await service.kill()  # what waits is on disk
        await service.start()
        await listening(service)
        assert await post(service, *range(30, 35)) == [200] * 5
        await breakable_postgres.start()
        await service.ready()
        await until_created(breakable_postgres.url, 35)
        assert await metric(service, "leadpact_spool_pending_requests") == 0
        assert await metric(service, "leadpact_spool_bytes") == 0
        assert await service.stop() == 0
    finally:
        await service.kill()


async def test_a_stop_while_the_database_is_away_is_quick_and_keeps_what_waits(
    tmp_path: Path, breakable_postgres: BreakablePostgres
) -> None:
    await breakable_postgres.stop()
    service = ingest(tmp_path, breakable_postgres.url)
    await service.start()
    try:
        await listening(service)
        assert await post(service, 0, 1, 2) == [200] * 3
        assert await service.stop() == 0
        await breakable_postgres.start()
        await service.start()
        await service.ready()
        await until_created(breakable_postgres.url, 3)
    finally:
        await service.kill()


async def test_two_replicas_share_the_work_with_a_spool_each(
    running: ServiceProcess, tmp_path: Path, database_url: str
) -> None:
    second = ingest(tmp_path, database_url, {"LEADPACT_INGEST_SPOOL_DIR": str(tmp_path / "second-spool")})
    await second.start()
    try:
        await second.ready()
        for number in range(20):
            assert await post((running, second)[number % 2], number) == [200]
        await until_created(database_url, 20)
        connection = await asyncpg.connect(database_url)
        owners = await connection.fetch("SELECT DISTINCT owner FROM ingest.offsets")
        await connection.close()
        assert len(owners) == 2
        assert await second.stop() == 0
    finally:
        await second.kill()


async def test_a_second_process_on_the_same_spool_is_told_what_to_do(
    running: ServiceProcess, tmp_path: Path, database_url: str
) -> None:
    assert running.alive
    second = ServiceProcess(
        "ingest",
        port=free_port(),
        environment=ingest(tmp_path, database_url)._environment,
        directory=tmp_path,
        label="second",
    )
    await second.start()
    await ended(second, code=2)
    assert "LEADPACT_INGEST_SPOOL_DIR" in second.last_words()


async def test_a_wrong_sources_file_stops_the_start_with_every_mistake(tmp_path: Path, database_url: str) -> None:
    service = ingest(tmp_path, database_url, {"TEST_CRM_PASSWORD": ""})
    broken = SOURCES.replace("kind: pipedrive", "kind: pipedrve")
    rewrite(tmp_path / "sources.yaml", broken + broken.partition("sources:\n")[2].replace("name: crm", "name: CRM!"))
    await service.start()
    await ended(service, code=2)
    words = service.last_words()
    assert "line 4" in words
    assert "pipedrve" in words
    assert "line 12" in words


async def test_a_state_directory_that_is_none_is_told_with_the_variable_that_names_it(
    tmp_path: Path, database_url: str
) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("a file, not a folder")
    wrong = {"LEADPACT_STATE_DIR": str(occupied), "LEADPACT_INGEST_SPOOL_DIR": ""}
    service = ingest(tmp_path, database_url, wrong)
    await service.start()
    await ended(service, code=2)
    words = service.last_words()
    assert f"the spool {occupied / 'spool'} can't be used (Not a directory)" in words
    assert "set LEADPACT_STATE_DIR" in words


def rewrite(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


async def ended(service: ServiceProcess, *, code: int) -> None:
    """Wait until the process has ended by itself, with this exit code."""
    assert service._process is not None
    async with asyncio.timeout(30):
        assert await service._process.wait() == code, service.last_words()
