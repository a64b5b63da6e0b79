"""The notifier's use cases on a real database, with a clock that the test moves and channels of the test's choice."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg

from notifier.adapters.delivery_book import DeliveryBook
from notifier.adapters.postgres_deliveries import PostgresDeliveries
from notifier.adapters.postgres_inbox import PostgresInbox
from notifier.adapters.schema import MIGRATIONS
from notifier.adapters.slack_bot import SlackBot
from notifier.adapters.slack_webhook import SlackWebhook
from notifier.application.delivering import Delivering, Policy
from notifier.application.intake import Intake, Taken
from notifier.application.ports import Channel, Obligations
from notifier.application.settling import Settling
from notifier.domain.channels import ChannelKind
from notifier.domain.delivery import Delivery
from notifier.domain.outcomes import Outcome
from notifier.domain.planning import Routing
from shared.database import open_pool
from shared.database.migrations import upgrade
from shared.events.sla import Saying, encode
from shared.events.topics import SLA_EVENTS
from shared.streams.port import Fetch, StoredRecord
from tests.support.sla_events import DEADLINE
from tests.support.slack_fake import TOKEN, SlackFake

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]

REQUEST_SECONDS = 5.0
LEASE_SECONDS = 30.0
SETTLE_SECONDS = 60.0
ROUNDS = 200
"""Bound of `settle`: more rounds than any scenario needs."""


class Clock:
    """An instant that only the test moves."""

    def __init__(self, at: datetime = DEADLINE) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        """Later by `seconds`."""
        self.at += timedelta(seconds=seconds)


class Heard:
    """What the metrics would have been told."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def attempted(self, _delivery: Delivery, outcome: Outcome, *, now: datetime) -> None:
        assert now.tzinfo is not None
        self.outcomes.append(outcome)


class Notifier:
    """One process's worth of use cases."""

    def __init__(
        self,
        pool: "Pool",
        *,
        channels: Mapping[ChannelKind, Channel],
        clock: Clock,
        pace_seconds: float = 0.0,
        obligations: Obligations | None = None,
        default_channel: str = "#sales",
        request_seconds: float = REQUEST_SECONDS,
        roll_up_over: int = 10,
        wrap: Callable[[Any], Any] = lambda port: port,
    ) -> None:
        self.clock = clock
        self.heard = Heard()
        self.book = DeliveryBook(pool)
        self.inbox = PostgresInbox(pool)
        self.deliveries = wrap(PostgresDeliveries(pool))
        routing = Routing(channels=tuple(channels), default_channel=default_channel)
        self.intake = Intake(inbox=self.inbox, routing=routing, now=clock)
        policy = Policy(
            paces=dict.fromkeys(channels, pace_seconds),
            lease_seconds=LEASE_SECONDS,
            request_seconds=request_seconds,
            settle_seconds=SETTLE_SECONDS,
            console_url="http://console.example.com",
            roll_up_over=roll_up_over,
        )
        self.delivering = Delivering(
            deliveries=self.deliveries,
            channels=channels,
            policy=policy,
            told=self.heard,
            now=clock,
            obligations=obligations,
        )
        self.settling = Settling(
            deliveries=self.deliveries, channels=channels, settle_seconds=SETTLE_SECONDS, told=self.heard, now=clock
        )
        self._position = 0

    async def take(self, *events: Saying) -> Taken:
        """Consume events as one fetch of partition 0."""
        return await self.take_raw(*(encode(event) for event in events))

    async def take_raw(self, *values: bytes) -> Taken:
        """Consume records as one fetch of partition 0."""
        if self._position == 0:
            await self.inbox.own(SLA_EVENTS, [0])
        records = [
            StoredRecord(offset=self._position + number, key=b"lead", value=value, headers=(), appended_at=self.clock())
            for number, value in enumerate(values)
        ]
        self._position += len(values)
        fetch = Fetch(partition=0, records=records, position=self._position, read_through=None)
        return await self.intake.take(fetch)

    async def deliver(self) -> int:
        """Deliver all that is due now; how many messages were looked at."""
        for done in range(ROUNDS):
            if not await self.delivering.run_once():
                return done
        raise AssertionError(f"still something due after {ROUNDS} deliveries")

    async def pass_time(self, seconds: float, *, step_seconds: float = 1.0) -> None:
        """Let virtual time pass, with workers and watchman at work."""
        steps = int(seconds / step_seconds)
        for _ in range(steps):
            await self.deliver()
            await self.settling.run_once()
            await self.deliver()
            self.clock.forward(step_seconds)

    async def all(self) -> Sequence[Delivery]:
        """All deliveries, oldest first."""
        found = await self.book.find(states=None, lead=None, obligation=None, channel=None, before=None, limit=1000)
        return list(reversed(found))


@contextlib.asynccontextmanager
async def notifier_pool(database_url: str) -> AsyncIterator["Pool"]:
    """A pool on a migrated database."""
    await upgrade(database_url, MIGRATIONS)
    async with open_pool(database_url, application_name="test", max_size=8) as pool:
        yield pool


@contextlib.asynccontextmanager
async def slack_channel(fake: SlackFake, *, token: str = TOKEN) -> AsyncIterator[Mapping[ChannelKind, Channel]]:
    """The bot's channel against the fake."""
    async with session() as opened:
        yield {ChannelKind.SLACK: SlackBot(token=token, session=opened, api_url=fake.api_url)}


@contextlib.asynccontextmanager
async def webhook_channel(fake: SlackFake) -> AsyncIterator[Mapping[ChannelKind, Channel]]:
    """The incoming webhook's channel against the fake."""
    async with session() as opened:
        yield {ChannelKind.SLACK_WEBHOOK: SlackWebhook(url=fake.webhook_url, session=opened)}


def session() -> aiohttp.ClientSession:
    """A session with a short time limit."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS))
