"""The whole product as an operator runs it: three processes, a real database, a real stream, CRMs and a Slack fake."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.crm_senders import CrmSenders
from tests.support.deployment import Deployment
from tests.support.kafka_broker import KafkaBroker, KafkaUnavailable, breakable_broker, unavailable
from tests.support.postgres_server import fresh_database, make_open_folder, remove_run_folder
from tests.support.slack_fake import SlackFake, slack_fake

SOURCES = Path(__file__).parents[2] / "deploy/demo/sources.yaml"
MODES = [
    pytest.param("embedded", marks=pytest.mark.postgres),
    pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.postgres]),
]

# Targets of seconds. What the tests do "in time" they do at once, so half a target is the margin of a slow machine.
AGREEMENT = """
agreement: {name: Inbound leads, version: "7", timezone: UTC, calendar: nonstop}
parties:
  marketing: {name: Marketing}
  sales: {name: Sales, team: Inbound}
people:
  - {id: ana, name: Ana Ruiz, zone: Europe/Madrid, slack: U0ANA,
     crm: ["hubspot:7101", "salesforce:0055e000001pAnaAAE", "pipedrive:23101"]}
  - {id: ben, name: Ben Okafor, zone: Europe/London, slack: U0BEN,
     crm: ["hubspot:7102", "salesforce:0055e000001pBenAAE", "pipedrive:23102"]}
  - {id: maria, name: Maria Lund, zone: Europe/Copenhagen, slack: U0MARIA}
teams:
  - name: Inbound
    members: [ana, ben]
    manager: maria
    slack: "#inbound-sales"
    calendar: nonstop
    queues: ["hubspot:7100", "salesforce:00G5e000001qDemEAE", "pipedrive:23100"]
calendars:
  nonstop: {week: {daily: "00:00-24:00"}}
clocks:
  handoff: {name: Handoff, targets: {default: 6s}, warnings: [50%], settle: 1s, escalate_to: Inbound}
  first_touch: {name: First call, targets: {default: 8s}, warnings: [50%], settle: 1s}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything a scenario acts on. `broker` is None in the embedded mode."""

    services: Deployment
    crms: CrmSenders
    slack: SlackFake
    broker: KafkaBroker | None


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the embedded server's account can reach too."""
    folder = make_open_folder("leadpact-e2e-")
    yield folder
    remove_run_folder(folder)


@pytest.fixture
def stage_in(open_folder: Path, request: pytest.FixtureRequest) -> Callable[[str], AbstractAsyncContextManager[Stage]]:
    """Sets the stage in a mode: `embedded` (no address set at all) or `kafka` (both addresses set)."""

    @contextlib.asynccontextmanager
    async def open_stage(mode: str) -> AsyncIterator[Stage]:
        broker: KafkaBroker | None = None
        async with contextlib.AsyncExitStack() as stack:
            addresses = {"LEADPACT_STATE_DIR": str(open_folder / "state")}
            if mode == "kafka":
                broker = stack.enter_context(_running_broker())
                addresses["LEADPACT_STREAM_URL"] = f"kafka://{broker.bootstrap}"
                server = request.getfixturevalue("postgres_server")
                addresses["LEADPACT_DATABASE_URL"] = await stack.enter_async_context(fresh_database(server))
            slack = await stack.enter_async_context(slack_fake())
            yield await stack.enter_async_context(_stage(open_folder, addresses, slack, broker))

    return open_stage


@contextlib.contextmanager
def _running_broker() -> Iterator[KafkaBroker]:
    try:
        with breakable_broker() as broker:
            broker.start()
            yield broker
    except KafkaUnavailable as reason:
        unavailable(reason)


@contextlib.asynccontextmanager
async def _stage(
    folder: Path, addresses: dict[str, str], slack: SlackFake, broker: KafkaBroker | None
) -> AsyncIterator[Stage]:
    (folder / "agreement.yaml").write_text(AGREEMENT, encoding="utf-8")
    (folder / "sources.yaml").write_text(SOURCES.read_text(encoding="utf-8"), encoding="utf-8")
    crms = CrmSenders(url="")
    environment = {
        **addresses,
        **crms.secrets,
        "LEADPACT_STREAM_PARTITIONS": "4",
        "LEADPACT_INGEST_SOURCES": str(folder / "sources.yaml"),
        "LEADPACT_ENGINE_AGREEMENT": str(folder / "agreement.yaml"),
        "LEADPACT_NOTIFIER_SLACK_BOT_TOKEN": slack.token,
        "LEADPACT_NOTIFIER_SLACK_API_URL": slack.api_url,
        "LEADPACT_NOTIFIER_ROLL_UP_OVER": "1000",  # the scenarios here look at each message
    }
    services = Deployment(folder, environment=environment)
    crms.url = services["ingest"].url
    try:
        async with services:
            yield Stage(services=services, crms=crms, slack=slack, broker=broker)
    finally:
        await crms.aclose()
