"""Each service starts while its database is away, says so, and goes to work when it comes."""

import os
from pathlib import Path

import httpx
import pytest

from deploy.demo.places import FILES
from tests.support.deployment import SERVICES, ServiceProcess, free_port
from tests.support.eventually import eventually
from tests.support.postgres_server import BreakablePostgres

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_answers_while_its_database_is_away(
    name: str, breakable_postgres: BreakablePostgres, tmp_path: Path
) -> None:
    await breakable_postgres.stop()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("LEADPACT_")}
    environment = {
        **inherited,
        "LEADPACT_DATABASE_URL": breakable_postgres.url,
        "LEADPACT_STATE_DIR": str(tmp_path),
        "LEADPACT_INGEST_SOURCES": str(FILES / "sources.yaml"),
        "LEADPACT_ENGINE_AGREEMENT": str(FILES / "agreement.yaml"),
        **{f"DEMO_{crm}": "x" for crm in ("HUBSPOT_SECRET", "SALESFORCE_TOKEN", "PIPEDRIVE_PASSWORD")},
    }
    service = ServiceProcess(name, port=free_port(), environment=environment, directory=tmp_path, label=name)
    await service.start()
    try:
        async with httpx.AsyncClient(base_url=service.url) as client:

            async def answers() -> dict[str, object]:
                assert service.alive, service.last_words()
                try:
                    answer = await client.get("/readyz")
                except httpx.TransportError as error:
                    raise OSError(str(error)) from error
                assert answer.status_code == 503, answer.text
                found: dict[str, object] = answer.json()
                return found

            said = await eventually(answers, within_seconds=30, what=f"{name} answers")
            assert "database" in str(said["missing"])
            assert (await client.get("/livez")).status_code == 200
        await breakable_postgres.start()
        await service.ready()
        assert await service.stop() == 0
    finally:
        await service.kill()
