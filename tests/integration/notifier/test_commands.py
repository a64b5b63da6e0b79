"""What an operator does by hand, as they type it."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from notifier.domain.delivery import State
from shared.events.sla import encode
from tests.integration.notifier.harness import Notifier
from tests.support import sla_events
from tests.support.deployment import free_port
from tests.support.slack_blocks import refusal
from tests.support.slack_fake import SlackFake


async def notifier_command(*arguments: str, database_url: str = "", **variables: str) -> tuple[int, str]:
    """Run the command; its exit code, and what it said."""
    told = {name: value for name, value in os.environ.items() if not name.startswith(("LEADPACT_", "SLACK_"))}
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("notifier")),
        *arguments,
        env={**told, "LEADPACT_DATABASE_URL": database_url, "LEADPACT_LOG_FORMAT": "console", **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_dead_letters_are_listed_shown_and_redriven(
    notifier: Notifier, slack: SlackFake, database_url: str
) -> None:
    slack.fail("chat.postMessage", "error", word="channel_not_found")
    await notifier.take_raw(encode(sla_events.breached()), b"no event")
    await notifier.deliver()
    (dead,) = await notifier.all()

    code, listed = await notifier_command("dead-letters", "list", database_url=database_url)
    assert code == 0
    assert f"{dead.id}" in listed
    assert "channel_not_found" in listed
    assert "record-1" in listed

    code, shown = await notifier_command("dead-letters", "show", dead.id, database_url=database_url)
    assert (code, json.loads(shown)["reason"]) == (0, "channel_not_found")

    code, told = await notifier_command("dead-letters", "redrive", "--all", database_url=database_url)
    assert code == 0
    assert f"{dead.id}: will be tried again" in told
    assert "record-1: still can't be read" in told
    assert "1 deliveries, 1 records" in told

    (revived,) = await notifier.all()
    assert revived.state is State.PENDING
    assert revived.due_at is not None
    notifier.clock.at = revived.due_at
    await notifier.deliver()
    assert len(slack.messages) == 1

    code, listed = await notifier_command("deliveries", "list", "--state", "sent", database_url=database_url)
    assert code == 0
    assert dead.id in listed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dead-letters", "redrive"), "say which: an ID, or --all"),
        (("dead-letters", "show", "none"), "there is no dead letter none; see `notifier dead-letters list`"),
    ],
)
async def test_a_wrong_wish_is_told_in_a_line(database_url: str, arguments: tuple[str, ...], words: str) -> None:
    code, told = await notifier_command(*arguments, database_url=database_url)
    assert code == 2
    assert told.strip().endswith(f"notifier: {words}")


async def test_check_says_who_we_are_in_slack_or_what_slack_refuses(slack: SlackFake) -> None:
    there = {"LEADPACT_NOTIFIER_SLACK_API_URL": slack.api_url}
    code, told = await notifier_command("check", LEADPACT_NOTIFIER_SLACK_BOT_TOKEN=slack.token, **there)
    assert (code, told.splitlines()) == (0, ["channels: slack", "default channel: #sales", "Slack: leadpact in Fake"])
    code, told = await notifier_command("check", LEADPACT_NOTIFIER_SLACK_BOT_TOKEN="xoxb-wrong", **there)
    assert (code, told) == (2, "notifier: Slack refuses the bot token: invalid_auth\n")


async def test_preview_shows_messages_as_text_and_as_blocks(tmp_path: Path) -> None:
    breach, file = sla_events.breached(), tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join([encode(sla_events.opened()), encode(breach), encode(sla_events.retracted(breach))]))
    code, text = await notifier_command("preview", str(file))
    headings = [line for line in text.splitlines() if line.startswith(("╭─", "│ 🔴", "│ ⚪"))]
    assert code == 0
    assert headings == [
        "╭─ in C0INBOUND",
        "│ 🔴 First touch missed: Juno Vale",
        "╭─ in C0INBOUND, edited:",
        "│ ⚪ First touch not missed after all: Juno Vale",
    ]
    code, blocks = await notifier_command("preview", str(file), "--json")
    assert [refusal("text", json.loads(line)["blocks"]) for line in blocks.splitlines()] == [None, None]


async def test_preview_names_the_line_that_is_no_event(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(encode(sla_events.breached()) + b"\n{}\n")
    code, told = await notifier_command("preview", str(file))
    assert code == 2
    assert "events.jsonl, line 2: not an SLA event: Object missing required field `type`" in told


async def test_a_schema_that_lacks_revisions_is_not_worked_on(database_url: str) -> None:
    settings = {"LEADPACT_MIGRATE_ON_START": "false", "LEADPACT_NOTIFIER_PORT": str(free_port())}
    code, told = await notifier_command("run", database_url=database_url, **settings)
    assert code == 2
    assert "the schema 'notifier' lacks the revisions 0001, 0002, 0003, 0004: run `notifier migrate`" in told
    assert (await notifier_command("migrate", database_url=database_url))[0] == 0
