"""Taking in: in one transaction with the position, by one owner at a time."""

import asyncio

import pytest

from notifier.application.ports import OwnershipLostError
from notifier.domain.delivery import State
from shared.events.topics import SLA_EVENTS
from tests.integration.notifier.harness import LEASE_SECONDS, Clock, Notifier, notifier_pool, slack_channel
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


async def test_a_worker_whose_lease_ran_out_has_no_say(notifier: Notifier, database_url: str, slack: SlackFake) -> None:
    class SlowEngine:
        """While it thinks, the lease runs out and another worker delivers."""

        async def is_settled(self, obligation: str) -> str | None:
            assert obligation
            notifier.clock.forward(LEASE_SECONDS)
            await notifier.settling.run_once()
            await notifier.deliver()
            return None

    await notifier.take(sla_events.breached())
    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        slow = Notifier(pool, channels=channels, clock=notifier.clock, obligations=SlowEngine())
        await slow.delivering.run_once()
    await notifier.pass_time(3)
    assert [each.state for each in await notifier.all()] == [State.SENT]
    assert len(slack.requests) == 1


async def test_a_busy_channel_holds_up_no_other(database_url: str, slack: SlackFake) -> None:
    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        notifier = Notifier(pool, channels=channels, clock=Clock(), pace_seconds=1.0)
        busy = [sla_events.breached(lead=f"hubspot:515:contact:{number}") for number in range(3)]
        await notifier.take(*busy, sla_events.at_risk(lead="hubspot:515:contact:99"))
        await notifier.deliver()
    assert [message.channel for message in slack.messages] == ["C0INBOUND", "D0MARALIND"]


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
