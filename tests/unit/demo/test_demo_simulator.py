"""The simulator posts each story in its order, repeats what was not taken as a CRM does, and goes on when restarted."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from deploy.demo.cast import Crm
from deploy.demo.hubspot import HubSpot
from deploy.demo.journal import Journal
from deploy.demo.pipedrive import Pipedrive
from deploy.demo.salesforce import Salesforce
from deploy.demo.simulator import Sender, Simulator

BEGIN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
URL = "http://ingest/webhooks"
SENDERS = {
    Crm.HUBSPOT: Sender(dialect=HubSpot(secret="s", public_url="https://in/hubspot"), url=f"{URL}/hubspot"),
    Crm.SALESFORCE: Sender(dialect=Salesforce(organization="00D5e000000DemoEAC"), url=f"{URL}/salesforce"),
    Crm.PIPEDRIVE: Sender(dialect=Pipedrive(username="u", password="p"), url=f"{URL}/pipedrive"),
}


class Ingest:
    """Answers by `status`, and keeps what came."""

    def __init__(self) -> None:
        self.status: Callable[[httpx.Request], int] = lambda _request: 200
        self.taken: list[httpx.Request] = []
        self.refused: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        status = self.status(request)
        if status == 0:
            raise httpx.ConnectError("refused", request=request)
        (self.taken if status == 200 else self.refused).append(request)
        return httpx.Response(status)

    def hubspot(self) -> list[list[dict[str, object]]]:
        """The batches that HubSpot delivered."""
        return [json.loads(request.content) for request in self.taken if request.url.path.endswith("/hubspot")]


class Run:
    """A simulator driven through virtual time."""

    def __init__(self, ingest: Ingest, path: Path, *, now: datetime = BEGIN) -> None:
        self.now = now
        self.said: list[str] = []
        self.journal = Journal.load(path)
        client = httpx.AsyncClient(transport=httpx.MockTransport(ingest))
        self.simulator = Simulator(client=client, senders=SENDERS, journal=self.journal, say=self.said.append)

    async def until(self, now: datetime) -> None:
        while self.now <= now:
            self.now = max(self.now, await self.simulator.run_once(self.now))


async def test_a_story_is_told_to_its_end_at_its_pace(tmp_path: Path) -> None:
    ingest = Ingest()
    await Run(ingest, tmp_path / "journal").until(BEGIN + timedelta(seconds=60))
    first = [batch for batch in ingest.hubspot() if batch[0]["objectId"] == 51_000_000]
    instants = [datetime.fromtimestamp(float(str(batch[0]["occurredAt"])) / 1000, UTC) for batch in first]
    assert instants == [BEGIN + timedelta(seconds=seconds) for seconds in (0, 31, 40)]


async def test_what_was_not_taken_is_sent_again_with_the_next_attempt_number(tmp_path: Path) -> None:
    ingest = Ingest()
    ingest.status = lambda _request: 0 if run.now < BEGIN + timedelta(seconds=2) else 200
    run = Run(ingest, tmp_path / "journal")
    await run.until(BEGIN + timedelta(seconds=2.5))
    (batch,) = ingest.hubspot()
    assert {event["attemptNumber"] for event in batch} == {2}
    assert batch[0]["occurredAt"] == BEGIN.timestamp() * 1000
    assert len(run.said) == 1
    assert run.simulator.tally.trouble is None


async def test_a_refusal_is_told_once_with_its_status(tmp_path: Path) -> None:
    ingest = Ingest()
    ingest.status = lambda _request: 503
    run = Run(ingest, tmp_path / "journal")
    await run.until(BEGIN + timedelta(seconds=2.5))
    assert ["503" in said for said in run.said] == [True]
    assert len(ingest.refused) > 1
    assert run.simulator.tally.posted == 0


async def test_started_again_it_goes_on_where_it_was(tmp_path: Path) -> None:
    ingest = Ingest()
    first = Run(ingest, tmp_path / "journal")
    await first.until(BEGIN + timedelta(seconds=10))
    left_open = [told.number for told in first.journal.under_way]
    assert left_open
    later = BEGIN + timedelta(hours=8)
    second = Run(ingest, tmp_path / "journal", now=later)
    assert second.simulator.tally.leads == first.journal.next_number
    assert second.simulator.tally.posted == first.simulator.tally.posted
    await second.until(later + timedelta(minutes=2))
    assert not set(left_open) & {told.number for told in second.journal.under_way}
    created = [
        batch[-1]["objectId"] for batch in ingest.hubspot() if len(batch) > 1 and batch[-1]["attemptNumber"] == 0
    ]
    assert len(created) == len(set(created)), "no lead is created twice"


async def test_a_redelivery_repeats_the_request_before_it(tmp_path: Path) -> None:
    ingest = Ingest()
    await Run(ingest, tmp_path / "journal").until(BEGIN + timedelta(minutes=5))
    attempts: dict[object, set[object]] = {}
    for batch in ingest.hubspot():
        attempts.setdefault(batch[0]["eventId"], set()).add(batch[0]["attemptNumber"])
    assert {frozenset(numbers) for numbers in attempts.values()} == {frozenset({0}), frozenset({0, 1})}
