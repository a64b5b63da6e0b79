"""Taking in: in one transaction with the position, by one owner at a time."""

import asyncio

import pytest

from notifier.application.ports import OwnershipLostError
from notifier.domain.delivery import State
from shared.events.sla import Escalation
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


async def test_nothing_is_stored_of_a_fetch_that_fails(database_url: str, slack: SlackFake) -> None:
    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        notifier = Notifier(pool, channels=channels, clock=Clock(), default_channel="#can not be stored \x00")
        await notifier.take(sla_events.opened())
        with pytest.raises(Exception, match="0x00"):
            await notifier.take(sla_events.at_risk(), sla_events.breached(escalation=None))
        assert await notifier.all() == []
        assert await notifier.inbox.own(SLA_EVENTS, [0]) == {0: 1}
        taken = await notifier.take(sla_events.at_risk())
        assert len(taken.events) == 1, "the event of the failed fetch was not kept either"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lead": "\x00"}, "`lead` holds a NUL character, which no text in PostgreSQL may"),
        ({"id": "ä" * 251}, "`id` is longer than 500 bytes"),
        ({"escalation": Escalation(team="x", channel="C" * 501)}, "`escalation.channel` is longer than 500 bytes"),
    ],
)
async def test_an_event_that_can_not_be_kept_stops_nothing(
    notifier: Notifier, changes: dict[str, object], reason: str
) -> None:
    taken = await notifier.take(sla_events.breached(**changes), sla_events.breached())
    assert [letter.reason for letter in taken.undecodable] == [reason]
    assert len(await notifier.all()) == 1


async def test_two_workers_never_claim_the_same_delivery(database_url: str, slack: SlackFake) -> None:
    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        await workers_race(Notifier(pool, channels=channels, clock=Clock(), roll_up_over=1000), slack)


async def test_two_workers_never_roll_up_the_same_delivery(notifier: Notifier, slack: SlackFake) -> None:
    leads = [f"hubspot:515:contact:{number}" for number in range(700)]
    await notifier.take(*(sla_events.breached(lead=lead) for lead in leads))
    await asyncio.gather(*(notifier.deliver() for _ in range(6)))
    told = [
        delivery.state
        for delivery in await notifier.book.find(
            states=None, lead=None, obligation=None, channel=None, before=None, limit=1000
        )
    ]
    assert set(told) == {State.SENT, State.ROLLED_UP}
    assert told.count(State.SENT) == len(slack.messages) == len(slack.requests) < 20


async def workers_race(notifier: Notifier, slack: SlackFake) -> None:
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
