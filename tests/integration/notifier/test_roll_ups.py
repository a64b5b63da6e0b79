"""After an outage no storm: what waits for one channel is told in one message, which is kept up to date."""

from datetime import timedelta

import msgspec

from notifier.domain.delivery import State
from shared.events.identity import identifier
from shared.events.sla import ObligationBreached
from tests.integration.notifier.harness import SETTLE_SECONDS, Notifier
from tests.support import sla_events
from tests.support.sla_events import DEADLINE, ESCALATION
from tests.support.slack_fake import SlackFake

MANY = 12
OVER = 10
"""As the harness sets it: more than ten are told together."""
EDITED_MESSAGES = ("🔴 12 promises missed", 1)


def breach(number: int, *, late: bool = True) -> ObligationBreached:
    """Broken while the engine was down: the first at 10:00, then one every minute."""
    lead = f"crm:acc:{number}"
    return sla_events.breached(
        lead=lead,
        lead_name=f"Lead {number:02d}",
        obligation=identifier(lead, "first_touch", "1"),
        deadline=DEADLINE + timedelta(minutes=number),
        occurred_at=DEADLINE + timedelta(minutes=number),
        announced_at=DEADLINE + timedelta(minutes=40),
        late=late,
    )


def about(number: int) -> dict[str, object]:
    """What tells the promise of this lead from the others'."""
    one = breach(number)
    return {"lead": one.lead, "lead_name": one.lead_name, "obligation": one.obligation, "deadline": one.deadline}


def lines(message: object) -> list[str]:
    """The lines of the list."""
    blocks = message.blocks  # type: ignore[attr-defined] # the fake's message
    return [line for block in blocks[2:-1] for line in block["text"]["text"].split("\n")]


async def outage(notifier: Notifier, count: int = MANY) -> None:
    """So many promises broke, and all are announced at 10:40."""
    notifier.clock.at = DEADLINE + timedelta(minutes=40)
    await notifier.take(*(breach(number) for number in range(count)))


async def test_what_broke_in_an_outage_is_one_message_oldest_first(notifier: Notifier, slack: SlackFake) -> None:
    await outage(notifier)
    await notifier.deliver()

    (message,) = slack.messages
    assert message.channel == "C0INBOUND"
    assert message.headline == "🔴 12 promises missed"
    lead_in = message.blocks[1]["text"]["text"]
    assert lead_in.startswith("<@U0THEOBRANDT> They fell due between <!date^")
    assert "Mon 02 Mar 10:00 UTC" in lead_in
    assert "Mon 02 Mar 10:11 UTC" in lead_in
    assert [f"Lead {number:02d}" in line for number, line in enumerate(lines(message))] == [True] * MANY
    assert "http://console.example.com/leads/crm:acc:0" in lines(message)[0]
    assert "Mara Lind, was due" in lines(message)[0]
    assert "⏱ This message is late" in message.blocks[-1]["elements"][1]["text"]
    states = [delivery.state for delivery in await notifier.all()]
    assert sorted(states) == sorted([State.SENT, *[State.ROLLED_UP] * (MANY - 1)])


async def test_up_to_the_bound_each_has_a_message_of_its_own(notifier: Notifier, slack: SlackFake) -> None:
    await outage(notifier, OVER)
    await notifier.deliver()
    assert [message.headline for message in slack.messages] == [
        f"🔴 First touch missed: Lead {number:02d}" for number in range(OVER)
    ]


async def test_each_channel_has_its_own_list(notifier: Notifier, slack: SlackFake) -> None:
    elsewhere = msgspec.structs.replace(ESCALATION, channel="C0OUTBOUND")
    notifier.clock.at = DEADLINE + timedelta(minutes=40)
    await notifier.take(
        *(breach(number) for number in range(MANY)),
        *(msgspec.structs.replace(breach(100 + number), escalation=elsewhere) for number in range(MANY)),
        msgspec.structs.replace(breach(200), escalation=msgspec.structs.replace(ESCALATION, channel="C0THIRD")),
    )
    await notifier.deliver()
    assert sorted((message.channel, message.headline) for message in slack.messages) == [
        ("C0INBOUND", "🔴 12 promises missed"),
        ("C0OUTBOUND", "🔴 12 promises missed"),
        ("C0THIRD", "🔴 First touch missed: Lead 200"),
    ]


async def test_what_is_done_or_taken_back_later_is_struck_through_where_it_stands(
    notifier: Notifier, slack: SlackFake
) -> None:
    await outage(notifier)
    await notifier.deliver()
    await notifier.take(
        sla_events.met_late(**{**about(3), "occurred_at": breach(3).deadline + timedelta(minutes=50)}),
        sla_events.retracted(breach(5), **about(5)),
    )
    await notifier.deliver()

    (message,) = slack.messages
    said = lines(message)
    assert said[3].startswith("⚪ ~First touch: ")
    assert said[3].endswith("Lead 03>~ done 50 min late")
    assert said[5].endswith("Lead 05>~ not missed after all")
    assert sum(line.startswith("🔴") for line in said) == MANY - 2
    assert "*2 of 12 settled since.*" in message.blocks[1]["text"]["text"]


async def test_what_was_overtaken_while_it_waited_is_not_in_the_list(notifier: Notifier, slack: SlackFake) -> None:
    await outage(notifier, MANY + 2)
    await notifier.take(
        sla_events.retracted(breach(0), **about(0)), sla_events.met(**about(0)), sla_events.cancelled(**about(7))
    )
    await notifier.deliver()

    (message,) = slack.messages
    assert message.headline == "🔴 12 promises missed"
    assert not any("Lead 00" in line or "Lead 07" in line for line in lines(message))


async def test_where_all_were_overtaken_nothing_is_said(notifier: Notifier, slack: SlackFake) -> None:
    await outage(notifier)
    await notifier.take(*(sla_events.retracted(breach(number), **about(number)) for number in range(MANY)))
    await notifier.deliver()
    assert slack.messages == []
    assert {delivery.state for delivery in await notifier.all()} == {State.SUPERSEDED}


async def test_where_one_is_left_it_has_a_message_as_ever(notifier: Notifier, slack: SlackFake) -> None:
    await outage(notifier)
    await notifier.take(*(sla_events.retracted(breach(number), **about(number)) for number in range(1, MANY)))
    await notifier.deliver()
    assert [message.headline for message in slack.messages] == ["🔴 First touch missed: Lead 00"]


async def test_a_list_whose_answer_was_lost_is_found_and_said_once(notifier: Notifier, slack: SlackFake) -> None:
    slack.fail("chat.postMessage", "lose_response")
    await outage(notifier)
    await notifier.pass_time(2 * SETTLE_SECONDS, step_seconds=5)
    await notifier.take(sla_events.met_late(**about(3)))
    await notifier.deliver()
    (message,) = slack.messages
    assert (message.headline, len(message.edits)) == EDITED_MESSAGES


async def test_a_list_that_slack_did_not_take_is_tried_again_as_it_is_then(
    notifier: Notifier, slack: SlackFake
) -> None:
    slack.fail("chat.postMessage", "http_500")
    await outage(notifier)
    await notifier.deliver()
    await notifier.take(sla_events.retracted(breach(2), **about(2)), breach(50))
    await notifier.pass_time(3 * SETTLE_SECONDS, step_seconds=5)
    headlines = [message.headline for message in slack.messages]
    assert headlines in (
        ["🔴 11 promises missed", "🔴 First touch missed: Lead 50"],
        ["🔴 First touch missed: Lead 50", "🔴 11 promises missed"],
    )


async def test_very_many_are_counted_and_the_oldest_forty_listed(notifier: Notifier, slack: SlackFake) -> None:
    await outage(notifier, 300)
    await notifier.deliver()
    (message,) = slack.messages
    assert message.headline == "🔴 300 promises missed"
    assert len(lines(message)) == 40
    assert message.blocks[-1]["elements"][1]["text"] == "and 260 more"


async def test_a_webhook_gets_the_list_too_and_a_word_on_each_that_changes(
    webhook_notifier: Notifier, slack: SlackFake
) -> None:
    await outage(webhook_notifier)
    await webhook_notifier.deliver()
    await webhook_notifier.take(sla_events.met_late(**about(3)))
    await webhook_notifier.deliver()
    assert [message.headline for message in slack.messages] == [
        "🔴 12 promises missed",
        "🟠 First touch done late: Lead 03",
    ]
