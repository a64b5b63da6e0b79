"""Wire the service by hand and run it until it is stopped."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

import aiohttp
import msgspec

from notifier.adapters import clock
from notifier.adapters.delivery_book import DeliveryBook
from notifier.adapters.engine_api import EngineApi
from notifier.adapters.postgres_deliveries import PostgresDeliveries
from notifier.adapters.postgres_inbox import PostgresErasures, PostgresInbox
from notifier.adapters.preview_feed import PreviewFeed
from notifier.adapters.schema import MIGRATIONS
from notifier.adapters.slack_bot import SlackBot
from notifier.adapters.slack_webhook import SlackWebhook
from notifier.application.delivering import SEND_MARGIN_SECONDS, Delivering, Policy
from notifier.application.erasing import Erasing
from notifier.application.intake import Intake
from notifier.application.ports import Channel
from notifier.application.reading import Reading
from notifier.application.settling import Settling
from notifier.config import NotifierSettings
from notifier.domain.channels import ChannelKind
from notifier.domain.planning import Routing
from notifier.entrypoints.consumer import Consumer
from notifier.entrypoints.delivery_metrics import DeliveryMetrics
from notifier.entrypoints.http import build_app
from notifier.entrypoints.workers import RunOnce, Wake, caretaker, watchman, worker
from shared.backing import Backing, open_backing
from shared.database import DatabaseRefused, DatabaseUnavailable, database_errors, open_pool
from shared.database.migrations import MigrationError, pending, upgrade
from shared.events.topics import SLA_EVENTS
from shared.http_server import http_task, listen
from shared.logs import get_logger
from shared.metrics import Metrics
from shared.operations import Operations
from shared.process import StartError
from shared.starting import Starting
from shared.streams.port import Stream, StreamUnavailable
from shared.supervision import Task, supervise, unless_stopped

if TYPE_CHECKING:
    import asyncpg

logger = get_logger(__name__)

SERVICE = "notifier"
FORGET_AFTER = timedelta(days=30)
"""How long events about which nothing was said are remembered. Longer than any log keeps them to be read again."""
VERSION = version("leadpact-notifier")


class Channels(msgspec.Struct, frozen=True, kw_only=True):
    """The channels that are set up, and what their readiness depends on."""

    by_kind: Mapping[ChannelKind, Channel]
    bot: SlackBot | None = None
    feed: PreviewFeed | None = None


async def serve(settings: NotifierSettings, stop: asyncio.Event) -> None:
    """The whole service. Raises `StartError` where it is told wrongly, `TaskDiedError` when a part of it dies."""
    check_settings(settings)
    bound = listen(settings.host, settings.notifier_port, variable="LEADPACT_NOTIFIER_PORT")
    starting = Starting()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(bound.close)
        async with starting.answering(bound):
            backing = await stack.enter_async_context(open_backing(settings, client_id=SERVICE))
            if not await unless_stopped(_schema_ready(backing.database_url, settings, starting), stop):
                return
            starting.waits_for("stream", "its topic is being looked for")
            await _topic(backing.stream, settings)
            pool = await stack.enter_async_context(_pool(backing.database_url, settings))
        channels = await stack.enter_async_context(open_channels(settings))
        obligations = await stack.enter_async_context(_engine(settings))
        parts = _Parts(settings=settings, backing=backing, book=DeliveryBook(pool), channels=channels)
        told = DeliveryMetrics(parts.metrics, count=parts.book.counts)
        wake, deliveries = Wake(), PostgresDeliveries(pool)
        erasing = Erasing(stream=parts.stream, erasures=PostgresErasures(pool), now=clock.now)
        reading = Reading()
        consumer = _consumer(parts, PostgresInbox(pool), wake, erasing, reading)
        delivering = Delivering(
            deliveries=deliveries,
            channels=channels.by_kind,
            policy=policy(settings),
            told=told,
            now=clock.now,
            obligations=obligations,
        )
        settling = Settling(
            deliveries=deliveries,
            channels=channels.by_kind,
            settle_seconds=settings.notifier_settle_seconds,
            told=told,
            now=clock.now,
        )
        app = build_app(deliveries=parts.book, operations=_operations(parts, told, consumer), version=VERSION)
        tasks: dict[str, Task] = {
            "consumer": consumer.run,
            "watchman": watchman(parts.on_database(settling.run_once)),
            "caretaker": caretaker(parts.on_database(functools.partial(_forget, parts.book, erasing))),
            "http": http_task(app, bound, grace_seconds=settings.stop_grace_seconds),
        }
        for number in range(1, settings.notifier_workers + 1):
            tasks[f"worker-{number}"] = worker(
                parts.on_database(delivering.run_once), wake, may_speak=lambda: reading.may_speak(clock.now())
            )
        logger.info("started", url=f"http://{settings.host}:{settings.notifier_port}", channels=list(channels.by_kind))
        await supervise(tasks, stop=stop, grace_seconds=settings.stop_grace_seconds)


class _Parts:
    """What the wiring hands around."""

    def __init__(self, *, settings: NotifierSettings, backing: Backing, book: DeliveryBook, channels: Channels) -> None:
        self.settings = settings
        self.stream = backing.stream
        self.book = book
        self.channels = channels
        self.metrics = Metrics(service=SERVICE, version=VERSION)
        self.database = functools.partial(database_errors, backing.database_url)

    def on_database(self, run_once: RunOnce) -> RunOnce:
        """The same, with the driver's errors translated, so that its loop waits for a database that is away."""

        async def translated() -> bool:
            with self.database():
                return await run_once()

        return translated


def _consumer(parts: _Parts, inbox: PostgresInbox, wake: Wake, erasing: Erasing, reading: Reading) -> Consumer:
    intake = Intake(inbox=inbox, routing=routing(parts.settings), now=clock.now)
    return Consumer(
        stream=parts.stream,
        intake=intake,
        inbox=inbox,
        metrics=parts.metrics,
        planned=wake.planned,
        forgotten=erasing.run_once,
        database=parts.database,
        reading=reading,
    )


def _operations(parts: _Parts, told: DeliveryMetrics, consumer: Consumer) -> Operations:
    operations = Operations(metrics=parts.metrics)
    operations.ready_when("database", parts.book.ready)
    operations.ready_when("stream", parts.stream.ready)
    if parts.channels.bot is not None:
        operations.ready_when("slack", parts.channels.bot.ready)
    if parts.channels.feed is not None:
        operations.ready_when("preview", parts.channels.feed.check)
    operations.refresh_on_scrape("deliveries", told.refresh)
    operations.refresh_on_scrape("lag", consumer.refresh_lag)
    return operations


async def _topic(stream: Stream, settings: NotifierSettings) -> None:
    """Make the topic if nobody has. Not being able to is no reason not to start: the consumer waits for it."""
    try:
        await stream.ensure_topic(SLA_EVENTS, partitions=settings.stream_partitions)
    except StreamUnavailable as error:
        logger.warning("stream_unavailable", detail=str(error))


async def _forget(book: DeliveryBook, erasing: Erasing) -> bool:
    await book.forget(before=clock.now() - FORGET_AFTER)
    while await erasing.run_once():
        pass
    return False


def check_settings(settings: NotifierSettings) -> None:
    """Raise `StartError` for settings that contradict each other."""
    least = settings.notifier_request_seconds + SEND_MARGIN_SECONDS
    if settings.notifier_lease_seconds <= least:
        raise StartError(
            f"LEADPACT_NOTIFIER_LEASE_SECONDS is {settings.notifier_lease_seconds:g}: it must be more than "
            f"{least:g}, that is LEADPACT_NOTIFIER_REQUEST_SECONDS and {SEND_MARGIN_SECONDS:g} s"
        )
    if settings.notifier_settle_seconds < settings.notifier_request_seconds:
        raise StartError(
            f"LEADPACT_NOTIFIER_SETTLE_SECONDS is {settings.notifier_settle_seconds:g}: it must be at least "
            f"LEADPACT_NOTIFIER_REQUEST_SECONDS ({settings.notifier_request_seconds:g}), or a request still on its way "
            "would be taken for lost"
        )


async def _schema_ready(database_url: str, settings: NotifierSettings, starting: Starting) -> None:
    """Wait for a database that is not there yet: others may be starting it."""
    starting.waits_for("database", "it has not been asked yet")
    while True:
        try:
            await migrate(database_url, settings)
        except DatabaseUnavailable as error:
            starting.waits_for("database", str(error))
            logger.warning("database_awaited", reason=str(error))
        else:
            return


async def migrate(database_url: str, settings: NotifierSettings) -> None:
    """Bring the schema up to date, or refuse to start on one that is not.

    Raises `StartError`, or `DatabaseUnavailable` after half a minute without an answer.
    """
    try:
        if settings.migrate_on_start:
            await upgrade(database_url, MIGRATIONS)
        elif missing := await pending(database_url, MIGRATIONS):
            raise StartError(f"the schema 'notifier' lacks the revisions {', '.join(missing)}: run `notifier migrate`")
    except (MigrationError, DatabaseRefused) as error:
        raise StartError(str(error)) from error


def routing(settings: NotifierSettings) -> Routing:
    """Where messages go."""
    return Routing(
        channels=settings.channels,
        default_channel=settings.notifier_default_channel,
        send_all_to=settings.notifier_send_all_to,
    )


def policy(settings: NotifierSettings) -> Policy:
    """The bounds of delivering."""
    pace = settings.notifier_pace_seconds
    return Policy(
        paces={ChannelKind.SLACK: pace, ChannelKind.SLACK_WEBHOOK: pace, ChannelKind.PREVIEW: 0.0},
        lease_seconds=settings.notifier_lease_seconds,
        request_seconds=settings.notifier_request_seconds,
        settle_seconds=settings.notifier_settle_seconds,
        console_url=settings.console_url,
        roll_up_over=settings.notifier_roll_up_over,
    )


@contextlib.asynccontextmanager
async def open_channels(settings: NotifierSettings) -> AsyncIterator[Channels]:
    """The channels that the settings name, with a session of their own."""
    async with _session(settings) as session:
        by_kind: dict[ChannelKind, Channel] = {}
        bot = feed = None
        if ChannelKind.SLACK in settings.channels and settings.notifier_slack_bot_token is not None:
            token = settings.notifier_slack_bot_token.get_secret_value()
            bot = SlackBot(token=token, session=session, api_url=settings.notifier_slack_api_url)
            by_kind[ChannelKind.SLACK] = bot
        if ChannelKind.SLACK_WEBHOOK in settings.channels and settings.notifier_slack_webhook_url is not None:
            url = settings.notifier_slack_webhook_url.get_secret_value()
            by_kind[ChannelKind.SLACK_WEBHOOK] = SlackWebhook(url=url, session=session)
        if ChannelKind.PREVIEW in settings.channels:
            feed = PreviewFeed(settings.feed, echo=settings.notifier_preview_echo)
            by_kind[ChannelKind.PREVIEW] = feed
        yield Channels(by_kind=by_kind, bot=bot, feed=feed)


def _pool(url: str, settings: NotifierSettings) -> "AbstractAsyncContextManager[asyncpg.Pool[asyncpg.Record]]":
    return open_pool(url, application_name=SERVICE, max_size=settings.notifier_workers + 6)


@contextlib.asynccontextmanager
async def _engine(settings: NotifierSettings) -> AsyncIterator[EngineApi | None]:
    if not settings.notifier_ask_engine:
        yield None
        return
    async with _session(settings) as session:
        yield EngineApi(url=settings.console_url, session=session)


def _session(settings: NotifierSettings) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=settings.notifier_request_seconds))
