"""The real broker goes away under load: every webhook is answered 2xx, and every one arrives, in order."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from ingest.domain import raw_request
from shared.events.topics import CRM_RECEIVED
from shared.streams.connect import open_stream
from tests.integration.ingest.test_service import HEADERS, created, ingest, metric
from tests.integration.ingest.translating import values_of
from tests.support.eventually import eventually
from tests.support.kafka_broker import KafkaBroker

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]

OUTAGE_SECONDS = 10.0
SENDERS = 4


async def test_a_broker_that_is_away_for_ten_seconds_costs_no_webhook(
    tmp_path: Path, database_url: str, own_kafka_broker: KafkaBroker
) -> None:
    stream_url = f"kafka://{own_kafka_broker.bootstrap}"
    service = ingest(tmp_path, database_url, {"LEADPACT_STREAM_URL": stream_url})
    await service.start()
    try:
        await service.ready()
        sent: list[list[bytes]] = [[] for _ in range(SENDERS)]
        statuses: set[int] = set()
        slowest = 0.0
        over = asyncio.Event()

        async def send(sender: int) -> None:
            nonlocal slowest
            async with httpx.AsyncClient(base_url=service.url, timeout=20) as client:
                while not over.is_set():
                    body = created(sender * 100_000 + len(sent[sender]))
                    began = time.monotonic()
                    statuses.add((await client.post("/webhooks/crm", content=body, headers=HEADERS)).status_code)
                    slowest = max(slowest, time.monotonic() - began)
                    sent[sender].append(body)

        async with asyncio.TaskGroup() as senders:
            for sender in range(SENDERS):
                senders.create_task(send(sender))
            await asyncio.to_thread(own_kafka_broker.stop)
            await asyncio.sleep(OUTAGE_SECONDS)  # the outage itself
            await asyncio.to_thread(own_kafka_broker.start)

            async def drained() -> bool:
                return await metric(service, "leadpact_spool_pending_requests") == 0

            await eventually(drained, within_seconds=60, what="the spool is drained while requests go on coming")
            over.set()
        assert statuses == {200}
        assert slowest < 5.0, "HubSpot gives up after five seconds"
        async with open_stream(stream_url, database_url=None, client_id="test") as stream:
            bodies = [raw_request.decode(value).body for value in await values_of(stream, CRM_RECEIVED)]
        for mine in sent:
            wanted = set(mine)
            # An append that timed out may arrive after all, beside its copy from the spool: the first counts.
            arrived = list(dict.fromkeys(body for body in bodies if body in wanted))
            assert arrived == mine
        assert await service.stop() == 0
    finally:
        await service.kill()
