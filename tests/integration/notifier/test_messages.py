"""The exact messages that events cause, in Slack's own terms."""

from datetime import timedelta

import msgspec
import pytest

from notifier.domain.delivery import State
from shared.events.sla import AnySlaEvent
from tests.integration.notifier.harness import Notifier
from tests.support import sla_events
from tests.support.slack_fake import SlackFake


async def test_a_warning_goes_to_the_owner_and_a_breach_to_the_team_with_its_manager(
    notifier: Notifier, slack: SlackFake
) -> None:
    await notifier.take(sla_events.opened(), sla_events.at_risk())
    await notifier.deliver()
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    warning, breach = slack.messages
    assert (warning.channel, warning.headline) == ("D0MARALIND", "🟡 First touch due soon: Juno Vale")
    assert (breach.channel, breach.headline) == ("C0INBOUND", "🔴 First touch missed: Juno Vale")
    assert breach.blocks[1]["text"]["text"].startswith("<@U0THEOBRANDT> Nobody has contacted Juno Vale")


async def test_a_warning_to_an_owner_unknown_in_slack_goes_to_the_team_and_names_them(
    notifier: Notifier, slack: SlackFake
) -> None:
    await notifier.take(sla_events.at_risk(holder=msgspec.structs.replace(sla_events.OWNER, slack=None)))
    await notifier.deliver()
    (warning,) = slack.messages
    assert warning.channel == "C0INBOUND"
    assert "Mara Lind" in warning.blocks[2]["fields"][0]["text"]


async def test_a_team_without_a_channel_has_the_default_channel(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(sla_events.breached(escalation=None))
    await notifier.deliver()
    assert [message.channel for message in slack.messages] == ["C0SALES"]


async def test_a_late_touch_edits_both_messages(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(sla_events.at_risk())
    await notifier.deliver()
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    await notifier.take(sla_events.met_late())
    await notifier.deliver()
    assert [(message.headline, len(message.edits)) for message in slack.messages] == [
        ("🟠 First touch done late: Juno Vale", 1),
        ("🟠 First touch done late: Juno Vale", 1),
    ]


async def test_a_retraction_edits_the_message_it_concerns_and_no_other(notifier: Notifier, slack: SlackFake) -> None:
    breach = sla_events.breached()
    await notifier.take(sla_events.at_risk())
    await notifier.deliver()
    await notifier.take(breach)
    await notifier.deliver()
    await notifier.take(sla_events.retracted(breach))
    await notifier.deliver()
    assert [message.headline for message in slack.messages] == [
        "🟡 First touch due soon: Juno Vale",
        "⚪ First touch not missed after all: Juno Vale",
    ]


async def test_an_excused_miss_is_taken_back_with_the_reason_and_nothing_else_is_said(
    notifier: Notifier, slack: SlackFake
) -> None:
    breach = sla_events.breached()
    await notifier.take(breach)
    await notifier.deliver()
    await notifier.take(sla_events.retracted(breach, reason="it is excused: a storm"), sla_events.excused())
    await notifier.deliver()
    (message,) = slack.messages
    assert message.headline == "⚪ First touch not missed after all: Juno Vale"
    assert "it is excused: a storm" in message.blocks[1]["text"]["text"]


async def test_a_warning_of_what_is_excused_by_now_is_not_sent(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(sla_events.at_risk(), sla_events.excused())
    await notifier.deliver()
    assert slack.messages == []
    assert [delivery.reason for delivery in await notifier.all()] == ["excused before it was sent"]


async def test_a_cancellation_edits_what_was_said(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    await notifier.take(sla_events.cancelled())
    await notifier.deliver()
    (message,) = slack.messages
    assert message.headline == "⚪ First touch no longer due: Juno Vale"
    assert "the lead was sent back to marketing" in message.blocks[1]["text"]["text"]


@pytest.mark.parametrize("pending", [sla_events.at_risk(), sla_events.breached()])
async def test_what_a_cancelled_promise_has_pending_is_not_sent(
    notifier: Notifier, slack: SlackFake, pending: AnySlaEvent
) -> None:
    """As when its clock was taken out of the agreement."""
    reason = "the agreement (2+1f0c9a2b) no longer promises it"
    await notifier.take(pending, sla_events.cancelled(reason=reason, summary=f"It no longer counts: {reason}."))
    await notifier.deliver()
    assert slack.requests == []
    assert {delivery.state for delivery in await notifier.all()} == {State.SUPERSEDED}


async def test_a_retracted_late_touch_puts_the_message_back(notifier: Notifier, slack: SlackFake) -> None:
    late = sla_events.met_late()
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    await notifier.take(late)
    await notifier.deliver()
    await notifier.take(sla_events.retracted(late))
    await notifier.deliver()
    assert [message.headline for message in slack.messages] == ["🔴 First touch still open: Juno Vale"]


async def test_a_breach_kept_before_it_was_sent_is_not_sent_and_neither_is_its_retraction(
    notifier: Notifier, slack: SlackFake
) -> None:
    breach = sla_events.breached()
    await notifier.take(sla_events.at_risk(), breach, sla_events.retracted(breach), sla_events.met())
    await notifier.deliver()
    assert slack.requests == []
    assert {delivery.state for delivery in await notifier.all()} == {State.SUPERSEDED}


async def test_a_breach_stands_again_when_what_overtook_it_is_taken_back(notifier: Notifier, slack: SlackFake) -> None:
    cancelled = sla_events.cancelled()
    await notifier.take(sla_events.breached(), cancelled, sla_events.retracted(cancelled))
    await notifier.deliver()
    assert [message.headline for message in slack.messages] == ["🔴 First touch still open: Juno Vale"]


async def test_a_breach_that_was_dropped_is_told_when_it_stands_again(notifier: Notifier, slack: SlackFake) -> None:
    cancelled = sla_events.cancelled()
    await notifier.take(sla_events.breached(), cancelled)
    await notifier.deliver()
    assert slack.requests == []
    await notifier.take(sla_events.retracted(cancelled))
    await notifier.deliver()
    assert [message.headline for message in slack.messages] == ["🔴 First touch still open: Juno Vale"]


async def test_a_warning_is_not_sent_after_the_deadline(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(sla_events.at_risk(), sla_events.breached())
    await notifier.deliver()
    assert [message.headline for message in slack.messages] == ["🔴 First touch missed: Juno Vale"]


async def test_a_backlog_is_said_to_be_late(notifier: Notifier, slack: SlackFake) -> None:
    notifier.clock.at += timedelta(hours=3)
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    assert "⏱ This message is late" in slack.messages[0].blocks[3]["elements"][2]["text"]


async def test_an_event_that_comes_twice_is_said_once(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(sla_events.breached())
    await notifier.deliver()
    again = await notifier.take(sla_events.breached(), sla_events.breached())
    await notifier.deliver()
    assert (len(slack.messages), again.planned) == (1, 0)


async def test_a_webhook_says_more_only_about_a_breach(webhook_notifier: Notifier, slack: SlackFake) -> None:
    notifier, breach = webhook_notifier, sla_events.breached()
    await notifier.take(sla_events.at_risk())
    await notifier.deliver()
    await notifier.take(breach)
    await notifier.deliver()
    await notifier.take(sla_events.retracted(breach))
    await notifier.deliver()
    assert [message.headline for message in slack.messages] == [
        "🟡 First touch due soon: Juno Vale",
        "🔴 First touch missed: Juno Vale",
        "⚪ First touch not missed after all: Juno Vale",
    ]
    assert all(message.via == "webhook" for message in slack.messages)
