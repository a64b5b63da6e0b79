"""Taking in: in one transaction with the position, by one owner at a time."""

import asyncio

import pytest

from notifier.application.ports import OwnershipLostError
from notifier.domain.delivery import State
from shared.events.topics import SLA_EVENTS
from tests.integration.notifier.harness import Notifier, notifier_pool, slack_channel
from tests.support import sla_events
from tests.support.slack_fake import SlackFake


async def test_a_former_owner_can_store_nothing(notifier: Notifier, database_url: str, slack: SlackFake) -> None:
    await notifier.take(sla_events.opened())
    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        successor = Notifier(pool, channels=channels, clock=notifier.clock)
        assert await successor.inbox.own(SLA_EVENTS, [0]) == {0: 1}
        with pytest.raises(OwnershipLostError, match=r"partition 0 of sla.events is owned by another process now"):
            await notifier.take(sla_events.breached())
        assert await successor.all() == []
        await successor.take(sla_events.breached())
        assert len(await successor.all()) == 1


async def test_nothing_is_stored_of_a_fetch_that_fails(notifier: Notifier, slack: SlackFake) -> None:
    await notifier.take(sla_events.opened())
    broken = sla_events.breached(lead="\x00 can not be stored as text")
    with pytest.raises(Exception, match="0x00"):
        await notifier.take(sla_events.breached(), broken)
    assert await notifier.all() == []
    assert await notifier.inbox.own(SLA_EVENTS, [0]) == {0: 1}
    assert slack.requests == []


async def test_two_workers_never_claim_the_same_delivery(notifier: Notifier, slack: SlackFake) -> None:
    leads = [f"hubspot:515:contact:{number}" for number in range(40)]
    await notifier.take(*(sla_events.breached(lead=lead) for lead in leads))

    async def work() -> None:
        while any(each.state in {State.PENDING, State.RETRY} for each in await notifier.all()):
            await notifier.delivering.run_once()

    await asyncio.gather(*(work() for _ in range(6)))
    markers = [message.metadata["event_payload"]["id"] for message in slack.messages]
    assert len(markers) == len(set(markers)) == len(leads)
    assert len(slack.requests) == len(leads)


async def test_an_edit_waits_while_its_message_is_being_retried(notifier: Notifier, slack: SlackFake) -> None:
    slack.fail("chat.postMessage", "ratelimited", seconds=30)
    await notifier.take(sla_events.breached(), sla_events.met_late())
    await notifier.pass_time(29)
    assert [each.state for each in await notifier.all()] == [State.PENDING, State.PENDING]
    assert [seen.method for seen in slack.requests] == ["chat.postMessage"]
    await notifier.pass_time(3)
    assert [seen.method for seen in slack.requests] == ["chat.postMessage", "chat.postMessage", "chat.update"]


async def test_what_nobody_was_told_of_is_forgotten_and_the_rest_kept(notifier: Notifier) -> None:
    kept, silent = sla_events.breached(), sla_events.opened(lead="hubspot:515:contact:78")
    await notifier.take(sla_events.opened(), kept, silent)
    await notifier.deliver()
    notifier.clock.forward(60)
    await notifier.book.forget(before=notifier.clock())
    again = await notifier.take(sla_events.opened(), kept, silent)
    assert [event.id for event in again.events] == [silent.id]
