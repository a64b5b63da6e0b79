"""A person asks to be deleted: nothing personal stays with the notifier, and what it posted names nobody any more."""

from datetime import timedelta

import msgspec

from notifier.adapters.postgres_inbox import PostgresErasures
from notifier.application.erasing import Erasing
from notifier.domain.channels import Step
from notifier.domain.delivery import State
from shared.events.sla import LeadForgotten, encode
from shared.events.topics import SLA_EVENTS
from shared.streams.port import Record
from shared.streams.postgres import PostgresOptions, PostgresStream
from tests.integration.notifier.harness import Clock, Notifier, notifier_pool, slack_channel
from tests.integration.notifier.test_roll_ups import MANY, breach, outage
from tests.support import sla_events
from tests.support.slack_fake import SlackFake

NAME = "Juno Vale"
ASKED = sla_events.DEADLINE + timedelta(hours=1)


def forgotten(lead: str = sla_events.LEAD) -> LeadForgotten:
    return LeadForgotten(id=f"forgotten-{lead}", lead=lead, source="hubspot", occurred_at=ASKED, announced_at=ASKED)


def shown(slack: SlackFake) -> str:
    """What stands in Slack now."""
    return repr([(message.text, message.blocks) for message in slack.messages])


async def stored(notifier: Notifier) -> str:
    """Everything in the notifier's tables, as text."""
    pool = notifier.book._pool
    tables = await pool.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = 'notifier'")
    rows = [await pool.fetch(f"SELECT * FROM notifier.{table['table_name']}") for table in tables]
    return repr([[bytes(v) if isinstance(v, memoryview) else v for v in row.values()] for each in rows for row in each])


async def test_a_message_in_slack_names_nobody_any_more(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    assert NAME in shown(slack)
    assert NAME in await stored(notifier)

    await notifier.take(forgotten())
    await notifier.deliver()

    assert NAME not in await stored(notifier)
    assert NAME not in shown(slack)
    assert "asked to be deleted" in shown(slack)
    assert len(slack.messages) == 1
    assert [each.step for each in await notifier.all()] == [Step.BREACH, Step.FORGOTTEN]


async def test_what_waits_is_not_said(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(sla_events.breached(), forgotten())
    await notifier.deliver()
    assert slack.messages == []
    assert [each.state for each in await notifier.all()] == [State.SUPERSEDED]
    assert NAME not in await stored(notifier)


async def test_a_message_that_is_just_leaving_is_edited_after_it_has_arrived(
    notifier: Notifier, slack: SlackFake
) -> None:
    await notifier.take(sla_events.breached())
    work = await notifier.deliveries.claim(
        now=notifier.clock(), lease_seconds=30, paces=dict.fromkeys(("slack",), 0.0), roll_up_over=10
    )
    assert work is not None
    await notifier.take(forgotten())
    await notifier.deliver()
    assert slack.messages == []
    await notifier.delivering._send(work, work.delivery)
    assert NAME in shown(slack), "it was rendered before"

    await notifier.deliver()

    assert NAME not in shown(slack)


async def test_what_comes_later_comes_in_bare_and_is_not_said(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(forgotten())
    await notifier.take(sla_events.breached())
    await notifier.take_raw(b'{"type": "obligation.breached", "lead_name": "Juno Vale"')
    await notifier.deliver()
    assert slack.messages == []
    assert await notifier.book._pool.fetchval("SELECT count(*) FROM notifier.inbox") == 1


async def test_unreadable_records_about_the_lead_lose_their_content(notifier: Notifier) -> None:
    broken = encode(sla_events.breached())[:-1]
    await notifier.take_raw(broken)
    assert NAME in await stored(notifier)
    await notifier.take(forgotten())
    assert NAME not in await stored(notifier)
    assert await notifier.book._pool.fetchval("SELECT count(*) FROM notifier.dead_letters") == 1
    assert await notifier.book.letters(limit=10) == []


async def test_other_leads_keep_everything(notifier: Notifier, slack: SlackFake) -> None:
    other = msgspec.structs.replace(
        sla_events.breached(), lead="hubspot:515:contact:78", lead_name="Kim Other", obligation="other", id="other"
    )
    await notifier.take(sla_events.breached(), other)
    await notifier.deliver()
    await notifier.take(forgotten())
    await notifier.deliver()
    assert "Kim Other" in await stored(notifier)
    assert "Kim Other" in shown(slack)


async def test_the_log_in_postgresql_is_erased_up_to_the_word_that_it_is_forgotten(
    database_url: str, slack: SlackFake
) -> None:
    async with (
        PostgresStream(PostgresOptions(dsn=database_url, client_id="test")) as stream,
        notifier_pool(database_url) as pool,
        slack_channel(slack) as channels,
    ):
        notifier = Notifier(pool, channels=channels, clock=Clock())
        await stream.ensure_topic(SLA_EVENTS, partitions=1)
        said = [encode(sla_events.breached()), encode(forgotten())]
        await stream.append(SLA_EVENTS, [Record(key=sla_events.LEAD.encode(), value=value) for value in said])
        await notifier.take_raw(*said)
        erasing = Erasing(stream=stream, erasures=PostgresErasures(pool), now=notifier.clock)

        assert not await erasing.run_once()

        left = await pool.fetch("SELECT value FROM stream.records")
        assert [row["value"] for row in left] == [said[1]]
        assert await pool.fetchval("SELECT count(*) FROM notifier.forgotten WHERE erased_at IS NULL") == 0


async def test_a_list_of_broken_promises_names_the_others_still(notifier: Notifier, slack: SlackFake) -> None:
    await outage(notifier)
    await notifier.deliver()
    for number in (0, 5):  # the one whose message it is, and one that is rolled up in it
        await notifier.take(forgotten(breach(number).lead))
    await notifier.deliver()
    assert len(slack.messages) == 1
    for number in range(MANY):
        assert (f"Lead {number:02d}" in shown(slack)) is (number not in (0, 5)), number


async def test_who_is_forgotten_before_a_list_arrived_does_not_take_the_others_along(
    notifier: Notifier, slack: SlackFake
) -> None:
    slack.fail("chat.postMessage", "ratelimited", seconds=1)
    await outage(notifier)
    await notifier.deliver()
    assert slack.messages == []
    await notifier.take(forgotten(breach(0).lead))
    await notifier.pass_time(10)
    assert [f"Lead {number:02d}" in shown(slack) for number in range(MANY)] == [False, *[True] * (MANY - 1)]
