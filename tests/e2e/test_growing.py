"""From the log in PostgreSQL to Kafka as the README says: promises, histories and messages go on."""

import re
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.e2e.conftest import Stage, _running_broker, _stage
from tests.support.crm_senders import ANA, Called, Created, Crm
from tests.support.eventually import eventually
from tests.support.slack_fake import slack_fake

README = Path(__file__).parents[2] / "README.md"
SOON_SECONDS = 60.0


def statements() -> list[str]:
    """What the README tells to run between the two engines."""
    (block,) = re.findall(r"```sql\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [statement for statement in block.split(";") if statement.strip()]


async def until_headlines(stage: Stage, name: str, expected: list[str]) -> None:
    async def look() -> bool:
        told = [message.headline for message in stage.slack.messages if name in message.headline]
        assert sorted(told) == sorted(expected)
        return True

    await eventually(look, within_seconds=SOON_SECONDS, what=f"the messages about {name}")


async def until_drained(stage: Stage) -> None:
    """Nothing lies between any two services."""
    waiting = re.compile(
        r"^leadpact_(?:consumer_lag_records|outbox_pending_records|spool_pending_requests)\S* (\S+)$", re.MULTILINE
    )

    async def look() -> bool:
        async with httpx.AsyncClient() as client:
            for service in stage.services.services.values():
                metrics = (await client.get(f"{service.url}/metrics")).text
                found = [float(value) for value in waiting.findall(metrics)]
                assert found, service.name
                assert not any(found), f"{service.name} still has something to do"
        return True

    await eventually(look, within_seconds=SOON_SECONDS, what="the services are drained")


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.postgres
async def test_the_stream_moves_to_kafka_and_promises_go_on(open_folder: Path, database_url: str) -> None:
    addresses = {"LEADPACT_STATE_DIR": str(open_folder / "state"), "LEADPACT_DATABASE_URL": database_url}
    with _running_broker() as broker:
        async with slack_fake(pace_seconds=0.0) as slack:
            async with _stage(open_folder, addresses, slack, None) as before:
                late = before.crms.lead(1, Crm.HUBSPOT)
                await before.crms.tell(late, Created(owner=ANA))
                warned = f"🟡 First call due soon: {late.name}"
                await until_headlines(before, late.name, [warned, f"🔴 First call missed: {late.name}"])
                await until_drained(before)

            connection = await asyncpg.connect(database_url)
            for statement in statements():
                await connection.execute(statement)
            await connection.close()

            on_kafka = {**addresses, "LEADPACT_STREAM_URL": f"kafka://{broker.bootstrap}"}
            async with _stage(open_folder, on_kafka, slack, broker) as after:
                await after.crms.tell(late, Called(by=ANA))
                done = f"🟠 First call done late: {late.name}"
                await until_headlines(after, late.name, [done, done])
                new = after.crms.lead(2, Crm.PIPEDRIVE)
                await after.crms.tell(new, Created(owner=ANA))
                missed = f"🔴 First call missed: {new.name}"
                await until_headlines(after, new.name, [f"🟡 First call due soon: {new.name}", missed])
