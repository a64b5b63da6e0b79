"""Each fault of Slack, and what becomes of the message: said once, said later, or openly uncertain."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from notifier.domain.delivery import State
from notifier.domain.outcomes import Outcome
from shared.events.sla import encode
from tests.integration.notifier.harness import SETTLE_SECONDS, Clock, Notifier, notifier_pool, slack_channel
from tests.support import sla_events
from tests.support.eventually import eventually
from tests.support.slack_fake import SlackFake


def posts(slack: SlackFake) -> int:
    return sum(seen.method == "chat.postMessage" for seen in slack.requests)


async def _said(slack: SlackFake) -> bool:
    return bool(slack.messages)


async def test_a_lost_response_is_found_again_by_its_marker(notifier: Notifier, slack: SlackFake) -> None:
    slack.fail("chat.postMessage", "lose_response")
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    assert [each.state for each in await notifier.all()] == [State.AMBIGUOUS]
    await notifier.pass_time(3)
    (delivery,) = await notifier.all()
    assert (delivery.state, delivery.provider_id) == (State.SENT, slack.messages[0].ts)
    assert posts(slack) == 1


async def test_a_request_without_an_answer_is_given_up_in_time_and_the_message_found(
    database_url: str, slack: SlackFake
) -> None:
    slack.fail("chat.postMessage", "hold")
    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        notifier = Notifier(pool, channels=channels, clock=Clock(), request_seconds=0.5)
        await notifier.take(sla_events.breached())
        await notifier.deliver()
        (delivery,) = await notifier.all()
        assert (delivery.state, delivery.response) == (State.AMBIGUOUS, "none within 0.5 s")
        await notifier.pass_time(3)
        assert [each.state for each in await notifier.all()] == [State.SENT]
    assert len(slack.messages) == 1


async def test_an_edit_waits_until_its_uncertain_message_is_found(notifier: Notifier, slack: SlackFake) -> None:
    slack.fail("chat.postMessage", "lose_response")
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    await notifier.take(sla_events.met_late())
    await notifier.deliver()
    assert posts(slack) == len(slack.requests)
    await notifier.pass_time(3)
    assert [(message.headline, len(message.edits)) for message in slack.messages] == [
        ("🟠 First touch done late: Juno Vale", 1)
    ]


@pytest.mark.parametrize("kind", ["http_500_done", "error_done"])
async def test_an_error_after_the_message_was_posted_does_not_post_it_twice(
    notifier: Notifier, slack: SlackFake, kind: str
) -> None:
    slack.fail("chat.postMessage", kind, word="internal_error")
    await notifier.take(sla_events.breached())
    await notifier.pass_time(2 * SETTLE_SECONDS)
    assert (len(slack.messages), posts(slack)) == (1, 1)
    assert [each.state for each in await notifier.all()] == [State.SENT]


@pytest.mark.parametrize("kind", ["lose_request", "http_500"])
async def test_a_message_proven_absent_is_sent_again_but_not_before_it_has_settled(
    notifier: Notifier, slack: SlackFake, kind: str
) -> None:
    slack.fail("chat.postMessage", kind)
    await notifier.take(sla_events.breached())
    await notifier.pass_time(SETTLE_SECONDS)
    assert (len(slack.messages), posts(slack)) == (0, 1)
    await notifier.pass_time(30)
    assert (len(slack.messages), posts(slack)) == (1, 2)


async def test_without_the_right_to_read_it_stays_ambiguous_visible_and_is_never_repeated(
    notifier: Notifier, slack: SlackFake
) -> None:
    slack.readable = False
    slack.fail("chat.postMessage", "lose_response")
    await notifier.take(sla_events.breached())
    await notifier.pass_time(3 * SETTLE_SECONDS)
    (delivery,) = await notifier.all()
    assert (delivery.state, delivery.due_at) == (State.AMBIGUOUS, None)
    assert delivery.reason == "no_answer; can't look it up: missing_scope"
    assert posts(slack) == 1


async def test_where_slack_hides_markers_nothing_is_proven_absent(notifier: Notifier, slack: SlackFake) -> None:
    slack.shows_metadata = False
    slack.fail("chat.postMessage", "lose_response")
    await notifier.take(sla_events.breached())
    await notifier.pass_time(3 * SETTLE_SECONDS)
    (delivery,) = await notifier.all()
    assert (delivery.state, delivery.reason) == (State.AMBIGUOUS, "no_answer; messages of ours show no marker")
    assert len(slack.messages) == 1


async def test_a_message_edited_meanwhile_still_bears_its_marker(notifier: Notifier, slack: SlackFake) -> None:
    other = sla_events.breached(lead="hubspot:515:contact:78")
    await notifier.take(other)
    await notifier.deliver()
    await notifier.take(sla_events.met_late(lead="hubspot:515:contact:78"))
    await notifier.deliver()
    slack.fail("chat.postMessage", "lose_request")
    await notifier.take(sla_events.breached())
    await notifier.pass_time(SETTLE_SECONDS + 30)
    assert len(slack.messages) == 2
    assert slack.messages[0].metadata["event_payload"]["id"] == (await notifier.all())[0].id


async def test_without_the_right_to_open_conversations_people_are_written_to_by_id(
    notifier: Notifier, slack: SlackFake
) -> None:
    slack.fail("conversations.open", "error", word="missing_scope", times=9)
    await notifier.take(sla_events.at_risk())
    await notifier.deliver()
    assert [message.channel for message in slack.messages] == ["D0MARALIND"]


async def test_a_message_to_a_channel_given_by_name_is_found_too(notifier: Notifier, slack: SlackFake) -> None:
    slack.fail("chat.postMessage", "lose_response")
    await notifier.take(sla_events.breached(escalation=None))
    await notifier.pass_time(3)
    assert [each.state for each in await notifier.all()] == [State.SENT]
    assert "conversations.list" in {seen.method for seen in slack.requests}


async def test_about_a_breach_that_stays_ambiguous_the_retraction_is_a_message_of_its_own(
    notifier: Notifier, slack: SlackFake
) -> None:
    breach = sla_events.breached()
    slack.readable = False
    slack.fail("chat.postMessage", "lose_response")
    await notifier.take(breach)
    await notifier.pass_time(5)
    await notifier.take(sla_events.retracted(breach))
    await notifier.pass_time(5)
    assert [message.headline for message in slack.messages] == [
        "🔴 First touch missed: Juno Vale",
        "⚪ First touch not missed after all: Juno Vale",
    ]


async def test_a_webhook_whose_answer_was_lost_is_never_repeated(webhook_notifier: Notifier, slack: SlackFake) -> None:
    slack.fail("webhook", "lose_response")
    await webhook_notifier.take(sla_events.breached())
    await webhook_notifier.pass_time(3 * SETTLE_SECONDS)
    (delivery,) = await webhook_notifier.all()
    assert (delivery.state, delivery.due_at) == (State.AMBIGUOUS, None)
    assert len(slack.requests) == 1


async def test_a_lost_answer_to_an_edit_repeats_the_edit(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    slack.fail("chat.update", "lose_response")
    await notifier.take(sla_events.met_late())
    await notifier.pass_time(10)
    assert [each.state for each in await notifier.all()] == [State.SENT, State.SENT]
    assert slack.messages[0].headline == "🟠 First touch done late: Juno Vale"


async def test_retry_after_is_obeyed_to_the_second_and_spends_no_attempt(notifier: Notifier, slack: SlackFake) -> None:
    slack.fail("chat.postMessage", "ratelimited", times=2, seconds=20)
    await notifier.take(sla_events.breached())
    await notifier.pass_time(20)
    assert posts(slack) == 1
    await notifier.pass_time(1)
    assert posts(slack) == 2
    await notifier.pass_time(21)
    (delivery,) = await notifier.all()
    assert (delivery.state, delivery.attempts, posts(slack)) == (State.SENT, 0, 3)


async def test_retry_after_holds_every_post_of_the_workspace_and_no_edit(notifier: Notifier, slack: SlackFake) -> None:
    other = sla_events.breached(lead="hubspot:515:contact:78", escalation=None)
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    slack.fail("chat.postMessage", "ratelimited", seconds=20)
    await notifier.take(other)
    await notifier.deliver()
    third = sla_events.breached(lead="hubspot:515:contact:79")
    await notifier.take(third, sla_events.met_late())
    await notifier.pass_time(19)
    assert posts(slack) == 2
    assert slack.messages[0].headline == "🟠 First touch done late: Juno Vale"
    await notifier.pass_time(3)
    assert len(slack.messages) == 3


async def test_a_refused_key_lets_messages_wait_instead_of_dying(database_url: str, slack: SlackFake) -> None:
    clock = Clock()
    async with notifier_pool(database_url) as pool:
        async with slack_channel(slack, token="xoxb-revoked") as channels:
            refused = Notifier(pool, channels=channels, clock=clock)
            await refused.take(sla_events.breached())
            await refused.pass_time(130)
            (delivery,) = await refused.all()
            assert (delivery.state, delivery.attempts, delivery.reason) == (State.PENDING, 0, "invalid_auth")
            assert len(slack.requests) == 3
        clock.forward(60)
        async with slack_channel(slack) as channels:
            mended = Notifier(pool, channels=channels, clock=clock)
            await mended.deliver()
    assert len(slack.messages) == 1


async def test_what_slack_refuses_is_a_dead_letter_with_its_reason(notifier: Notifier, slack: SlackFake) -> None:
    slack.fail("chat.postMessage", "error", word="channel_not_found")
    await notifier.take(sla_events.breached())
    await notifier.pass_time(5)
    (delivery,) = await notifier.all()
    assert (delivery.state, delivery.reason) == (State.DEAD, "channel_not_found")
    assert "channel_not_found" in (delivery.response or "")


async def test_a_message_that_can_no_longer_be_edited_is_followed_by_another(
    notifier: Notifier, slack: SlackFake
) -> None:
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    slack.fail("chat.update", "error", word="edit_window_closed")
    await notifier.take(sla_events.met_late())
    await notifier.pass_time(2)
    assert [message.headline for message in slack.messages] == [
        "🔴 First touch missed: Juno Vale",
        "🟠 First touch done late: Juno Vale",
    ]


async def test_slack_away_is_retried_on_the_schedule_and_then_given_up(database_url: str, slack: SlackFake) -> None:
    slack.url = "http://127.0.0.1:9"
    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        notifier = Notifier(pool, channels=channels, clock=Clock())
        await notifier.take(sla_events.breached())
        waits: list[float] = []
        while (delivery := (await notifier.all())[0]).state is not State.DEAD:
            assert delivery.due_at is not None
            waits.append((delivery.due_at - notifier.clock()).total_seconds())
            notifier.clock.at = delivery.due_at
            await notifier.deliver()
    nominal = [0, 5, 30, 120, 600, 1800, 7200, 21600]
    assert all(0.8 * least <= wait <= 1.2 * least for wait, least in zip(waits, nominal, strict=True)), waits
    assert delivery.reason == "gave up after 8 attempts: no_connection"


async def test_the_engine_is_asked_once_more_before_a_breach_is_said(database_url: str, slack: SlackFake) -> None:
    class Settled:
        async def is_settled(self, obligation: str) -> str | None:
            return f"kept before it was sent ({obligation[:0]})"

    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        notifier = Notifier(pool, channels=channels, clock=Clock(), obligations=Settled())
        await notifier.take(sla_events.breached())
        await notifier.deliver()
        assert [each.state for each in await notifier.all()] == [State.SUPERSEDED]
    assert slack.requests == []


async def test_a_record_that_nobody_can_read_is_put_aside_and_the_rest_goes_on(
    notifier: Notifier, slack: SlackFake
) -> None:
    taken = await notifier.take_raw(b'{"type": "obligation.unheard_of"}', encode(sla_events.breached()), b"\xff")
    await notifier.deliver()
    assert (len(taken.undecodable), len(slack.messages)) == (2, 1)
    letters = await notifier.book.letters(limit=10)
    assert [(letter.offset, letter.value) for letter in letters] == [
        (0, b'{"type": "obligation.unheard_of"}'),
        (2, b"\xff"),
    ]


async def test_a_redriven_message_is_looked_at_again_first(notifier: Notifier, slack: SlackFake) -> None:
    slack.fail("chat.postMessage", "error", times=2, word="channel_not_found")
    broken, mended = sla_events.breached(), sla_events.breached(lead="hubspot:515:contact:78")
    await notifier.take(broken, mended)
    await notifier.deliver()
    await notifier.take(sla_events.retracted(mended))
    await notifier.deliver()
    ids = await notifier.book.to_redrive(ambiguous=False)
    assert len(ids) == 2
    for each in ids:
        await notifier.book.redrive(each, now=notifier.clock())
    await notifier.deliver()
    assert [message.headline for message in slack.messages] == ["🔴 First touch missed: Juno Vale"]


async def test_a_redriven_message_is_followed_by_what_was_to_be_said_about_it(
    notifier: Notifier, slack: SlackFake
) -> None:
    slack.fail("chat.postMessage", "error", word="channel_not_found")
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    await notifier.take(sla_events.met_late())
    await notifier.deliver()
    (dead,) = await notifier.book.to_redrive(ambiguous=False)
    await notifier.book.redrive(dead, now=notifier.clock())
    await notifier.deliver()
    assert [(message.headline, len(message.edits)) for message in slack.messages] == [
        ("🟠 First touch done late: Juno Vale", 1)
    ]


@pytest.fixture
async def two_notifiers(database_url: str, slack: SlackFake) -> AsyncIterator[list[Notifier]]:
    """Two replicas on one database, each message a second apart."""
    clock = Clock()
    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        yield [Notifier(pool, channels=channels, clock=clock, pace_seconds=1.0) for _ in range(2)]


async def test_replicas_share_the_pace_of_a_channel(two_notifiers: list[Notifier], slack: SlackFake) -> None:
    first, second = two_notifiers
    await first.take(*(sla_events.breached(lead=f"hubspot:515:contact:{number}") for number in range(5)))
    counts = []
    for _ in range(5):
        await asyncio.gather(*(each.delivering.run_once() for each in (first, second, first, second)))
        counts.append(len(slack.messages))
        first.clock.forward(1)
    assert counts == [1, 2, 3, 4, 5]


async def test_a_result_that_comes_after_its_lease_ran_out_is_still_known(notifier: Notifier, slack: SlackFake) -> None:
    slack.fail("chat.postMessage", "hold")
    await notifier.take(sla_events.breached())
    sending = asyncio.create_task(notifier.delivering.run_once())
    await eventually(lambda: _said(slack), within_seconds=5, what="the message is posted")
    notifier.clock.at += timedelta(seconds=31)
    slack.readable = False
    await notifier.settling.run_once()
    assert [each.state for each in await notifier.all()] == [State.AMBIGUOUS]
    slack.release()
    await sending
    assert [each.state for each in await notifier.all()] == [State.SENT]
    assert notifier.heard.outcomes[-1] is Outcome.SENT
