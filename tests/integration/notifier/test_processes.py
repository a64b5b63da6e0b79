"""The real process, as an operator runs it: killed in the middle of a request, started again, stopped."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from shared.events.sla import AnySlaEvent, encode
from shared.events.topics import SLA_EVENTS
from shared.streams.connect import open_stream
from shared.streams.port import Record
from tests.support import sla_events
from tests.support.deployment import ServiceProcess, free_port
from tests.support.eventually import eventually
from tests.support.postgres_server import BreakablePostgres
from tests.support.slack_fake import TOKEN, SlackFake, slack_fake

WITHIN_SECONDS = 40.0


class Rig:
    """A database with a stream in it, a Slack, and notifier processes with short times."""

    def __init__(self, database_url: str, directory: Path, slack: SlackFake, *, with_slack: bool) -> None:
        self.slack = slack
        self.feed = directory / "feed.txt"
        self._database_url = database_url
        self._directory = directory
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "LEADPACT_DATABASE_URL": database_url,
            "LEADPACT_STREAM_PARTITIONS": "2",
            "LEADPACT_STATE_DIR": str(directory),
            "LEADPACT_NOTIFIER_REQUEST_SECONDS": "1",
            "LEADPACT_NOTIFIER_LEASE_SECONDS": "3.5",
            "LEADPACT_NOTIFIER_SETTLE_SECONDS": "3",
            "LEADPACT_NOTIFIER_ROLL_UP_OVER": "1000",
            "LEADPACT_NOTIFIER_PREVIEW_FILE": "" if with_slack else str(self.feed),
        }
        if with_slack:
            self._environment |= {
                "LEADPACT_NOTIFIER_SLACK_BOT_TOKEN": TOKEN,
                "LEADPACT_NOTIFIER_SLACK_API_URL": slack.api_url,
            }

    @contextlib.asynccontextmanager
    async def process(self, label: str) -> AsyncIterator[ServiceProcess]:
        """A running notifier, killed at the end if it still runs."""
        process = ServiceProcess(
            "notifier", port=free_port(), environment=self._environment, directory=self._directory, label=label
        )
        await process.start()
        try:
            await process.ready()
            yield process
        finally:
            await process.kill()

    async def tell(self, *events: AnySlaEvent) -> None:
        """Append events to the stream."""
        async with open_stream(None, database_url=self._database_url, client_id="test") as stream:
            await stream.ensure_topic(SLA_EVENTS, partitions=2)
            await stream.append(SLA_EVENTS, [Record(key=each.lead.encode(), value=encode(each)) for each in events])

    async def comes_true(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for what a process does."""

        async def look() -> Any:  # noqa: ANN401 - anything true-like
            return condition()

        await eventually(look, within_seconds=WITHIN_SECONDS, what=what)


@contextlib.asynccontextmanager
async def rig(database_url: str, directory: Path, *, with_slack: bool = True) -> AsyncIterator[Rig]:
    """A rig on a Slack that takes one message a second, as the real one."""
    async with slack_fake(pace_seconds=1.0) as slack:
        yield Rig(database_url, directory, slack, with_slack=with_slack)


async def test_killed_while_slack_has_the_message_but_has_not_answered(database_url: str, tmp_path: Path) -> None:
    async with rig(database_url, tmp_path) as there:
        there.slack.fail("chat.postMessage", "hold")
        async with there.process("first") as first:
            await there.tell(sla_events.breached())
            await there.comes_true(lambda: there.slack.messages, "Slack has the message")
            await first.kill()
        there.slack.release()
        async with there.process("second") as second:
            await there.tell(sla_events.met_late())
            await there.comes_true(lambda: there.slack.messages[0].edits, "the message is edited")
            assert await second.stop() == 0
    assert [(message.headline, len(message.edits)) for message in there.slack.messages] == [
        ("🟠 First touch done late: Juno Vale", 1)
    ]
    assert TOKEN not in _logs(tmp_path)


async def test_killed_before_slack_took_the_message(database_url: str, tmp_path: Path) -> None:
    async with rig(database_url, tmp_path) as there:
        there.slack.fail("chat.postMessage", "lose_request", times=1)
        there.slack.fail("conversations.history", "hold_before")
        async with there.process("first") as first:
            await there.tell(sla_events.breached())
            await there.comes_true(
                lambda: [seen for seen in there.slack.requests if seen.method == "conversations.history"],
                "the notifier looks for the message",
            )
            await first.kill()
        there.slack.release()
        async with there.process("second"):
            await there.comes_true(lambda: there.slack.messages, "the message is sent after all")
    assert [message.headline for message in there.slack.messages] == ["🔴 First touch missed: Juno Vale"]


async def test_killed_amid_many_messages_to_the_preview(database_url: str, tmp_path: Path) -> None:
    leads = [f"hubspot:515:contact:{number}" for number in range(300)]
    async with rig(database_url, tmp_path, with_slack=False) as there:
        async with there.process("first") as first:
            await there.tell(*(sla_events.breached(lead=lead) for lead in leads))
            await there.comes_true(lambda: _said(there.feed) > 20, "some messages are written")
            await first.kill()
        assert _said(there.feed) < len(leads), "killed too late to prove anything"
        async with there.process("second") as second:
            await there.comes_true(lambda: _said(there.feed) >= len(leads), "all messages are written")
            assert await second.stop() == 0
    # A piece of a message may stand where the first was killed; only what ends with its id was said.
    lines = there.feed.read_text(errors="replace").splitlines()
    said = [line for line in lines if line.startswith("╰─ ")]
    assert len(said) == len(set(said)) == len(leads)


async def test_a_backlog_is_read_to_its_end_before_anything_is_said(database_url: str, tmp_path: Path) -> None:
    """Broken promises; several fetches of other news; and behind them that all promises but one were kept."""
    breaches = [sla_events.breached(lead=f"hubspot:515:contact:{number}") for number in range(40)]
    others = [sla_events.opened(lead=f"hubspot:515:contact:{number}") for number in range(100, 3100)]
    kept = [
        sla_events.retracted(breach, obligation=breach.obligation, lead=breach.lead, retracts=breach.id)
        for breach in breaches[1:]
    ]
    async with rig(database_url, tmp_path, with_slack=False) as there:
        for events in (breaches, others, kept):
            await there.tell(*events)
        async with there.process("first") as first:
            await all_decided(database_url, count=len(breaches))
            assert await first.stop() == 0
    assert _said(there.feed) == 1


async def all_decided(database_url: str, *, count: int) -> None:
    """So many messages were planned, and none waits any more."""
    connection = await asyncpg.connect(database_url)
    try:

        async def decided() -> bool:
            found = await connection.fetch("SELECT due_at FROM notifier.deliveries WHERE step = 'breach'")
            assert [row["due_at"] for row in found] == [None] * count
            return True

        await eventually(decided, within_seconds=WITHIN_SECONDS, what="every message is decided")
    finally:
        await connection.close()


async def test_two_replicas_say_each_announcement_once_at_slacks_pace(database_url: str, tmp_path: Path) -> None:
    leads = [f"hubspot:515:contact:{number}" for number in range(6)]
    async with rig(database_url, tmp_path) as there, there.process("first"), there.process("second"):
        await there.tell(*(sla_events.breached(lead=lead) for lead in leads))
        await there.comes_true(lambda: len(there.slack.messages) >= len(leads), "all is said")
    answers = [seen.answer for seen in there.slack.requests if seen.method == "chat.postMessage"]
    markers = {message.metadata["event_payload"]["id"] for message in there.slack.messages}
    assert len(there.slack.messages) == len(markers) == len(leads)
    assert answers.count("ok") == len(leads)


async def test_a_database_that_restarts_under_it_costs_no_message(
    breakable_postgres: BreakablePostgres, tmp_path: Path
) -> None:
    async with rig(breakable_postgres.url, tmp_path, with_slack=False) as there, there.process("only") as process:
        await there.tell(sla_events.breached())
        await there.comes_true(lambda: _said(there.feed) == 1, "the first is said")
        await breakable_postgres.kill()
        await breakable_postgres.start()
        await there.tell(sla_events.met_late())
        await there.comes_true(lambda: _said(there.feed) == 2, "the second is said")
        assert await process.stop() == 0
    assert "task_died" not in process.log.read_text()


async def test_the_process_tells_operators_what_they_need(database_url: str, tmp_path: Path) -> None:
    async with rig(database_url, tmp_path, with_slack=False) as there, there.process("only") as process:
        await there.tell(sla_events.breached())
        async with httpx.AsyncClient(base_url=process.url) as client:

            async def sent() -> bool:
                answer = await client.get("/api/v1/deliveries", params={"state": "sent"})
                return [each["lead"] for each in answer.json()["deliveries"]] == [sla_events.LEAD]

            await eventually(sent, within_seconds=WITHIN_SECONDS, what="the delivery is listed as sent")
            metrics = (await client.get("/metrics")).text
            assert 'leadpact_deliveries{channel="preview",state="sent"} 1.0' in metrics
            assert 'leadpact_deliveries{channel="slack",state="ambiguous"} 0.0' in metrics
            assert 'leadpact_delivery_attempts_total{channel="preview",outcome="sent"} 1.0' in metrics
            assert 'leadpact_consumer_lag_records{partition="0",topic="sla.events"} 0.0' in metrics
            assert sla_events.LEAD not in metrics
            wrong = await client.get("/api/v1/deliveries", params={"limit": "0"})
            assert (wrong.status_code, wrong.headers["content-type"]) == (400, "application/problem+json")
            assert (await client.get("/api/v1/deliveries/none")).status_code == 404
            assert "/api/v1/deliveries" in (await client.get("/openapi.json")).json()["paths"]
        assert await process.stop() == 0


def _said(feed: Path) -> int:
    # Bytes: a process may be in the middle of a character just now.
    return feed.read_bytes().count("╰─ ".encode()) if feed.exists() else 0


def _logs(directory: Path) -> str:
    return "".join(log.read_text() for log in directory.glob("*.log"))
