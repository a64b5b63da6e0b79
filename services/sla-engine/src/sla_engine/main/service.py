"""The running service: everything opened, wired by hand, and supervised."""

import asyncio
import contextlib
import os
import socket
from datetime import UTC, datetime
from importlib.metadata import version
from uuid import uuid4

import asyncpg

from shared.backing import Backing, open_backing
from shared.database import open_pool
from shared.database.errors import DatabaseRefused, DatabaseUnavailable
from shared.database.migrations import MigrationError, pending, upgrade
from shared.events.topics import LEAD_EVENTS, SLA_EVENTS
from shared.http_server import http_task, listen
from shared.logs import get_logger
from shared.metrics import Metrics
from shared.operations import Operations
from shared.outbox import Relay
from shared.process import StartError
from shared.starting import Starting
from shared.streams.port import Stream, StreamUnavailable
from shared.supervision import supervise, unless_stopped, wait_or_stop
from sla_engine.adapters.edition_store import EditionWatch, PostgresArchive
from sla_engine.adapters.metrics import EngineMetrics
from sla_engine.adapters.oblivion import PostgresOblivion
from sla_engine.adapters.outgoing import OUTBOX
from sla_engine.adapters.reader import PostgresReader
from sla_engine.adapters.schema import MIGRATIONS
from sla_engine.adapters.store import PostgresStore
from sla_engine.application.engine import Engine
from sla_engine.application.erasing import Erasing
from sla_engine.application.gauges import Gauges
from sla_engine.application.in_force import InForce
from sla_engine.application.partition import Limits
from sla_engine.config import EngineSettings
from sla_engine.domain.instants import SECOND
from sla_engine.entrypoints.http.app import make_app
from sla_engine.main.collecting import settle_collector
from sla_engine.main.standing import draft_at_start, editions_at_start

logger = get_logger(__name__)

SERVICE = "sla-engine"
TOPIC_RETRY_SECONDS = 1.0
IDLE_TRANSACTION_SECONDS = 8.0
"""An engine that is frozen or cut off in the middle of a commit holds its partition's row; whoever takes the partition
over waits for that row. Partitions move within ten seconds; between two statements of a commit lie milliseconds."""


async def serve(settings: EngineSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set. Raises `StartError` where starting again would not help."""
    draft = await asyncio.to_thread(draft_at_start, settings)
    bound = listen(settings.host, settings.engine_port, variable="LEADPACT_ENGINE_PORT")
    starting = Starting()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(bound.close)
        async with starting.answering(bound):
            # No other living process holds this port: who is restarted takes the place of the one that was killed.
            member = f"{SERVICE}-{socket.gethostname()}-{bound.getsockname()[1]}"
            backing = await stack.enter_async_context(open_backing(settings, client_id=SERVICE, member=member))
            if not await unless_stopped(_schema_ready(settings, backing, starting), stop):
                return
            # Two pools: people's questions never wait behind the work, nor it behind them.
            work = await _pool(stack, backing, "sla-engine", settings.engine_connections)
            questions = await _pool(stack, backing, "sla-engine-api", settings.engine_connections)
            archive = PostgresArchive(questions, database_url=backing.database_url)
            in_force = InForce(await editions_at_start(settings, draft, archive), archive)
        await _Service(settings, in_force, backing, work=work, questions=questions, bound=bound).run(stop)


class _Service:
    """The parts of one process."""

    def __init__(
        self,
        settings: EngineSettings,
        in_force: InForce,
        backing: Backing,
        *,
        work: "asyncpg.Pool[asyncpg.Record]",
        questions: "asyncpg.Pool[asyncpg.Record]",
        bound: socket.socket,
    ) -> None:
        self._settings = settings
        self._stream = backing.stream
        self._bound = bound
        metrics = Metrics(service=SERVICE, version=version("leadpact-sla-engine"))
        watcher = EngineMetrics(metrics, in_force.agreement)
        in_force.when_new(watcher.agreed)
        self._editions = EditionWatch(in_force, database_url=backing.database_url)
        self._relay = Relay(OUTBOX, pool=work, stream=backing.stream, url=backing.database_url)
        self._engine = Engine(
            stream=backing.stream,
            store=PostgresStore(work, database_url=backing.database_url, committed=self._relay.wake),
            in_force=in_force,
            watcher=watcher,
            clock=_now,
            limits=_limits(settings),
            owner=f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}",
            fetch_records=settings.engine_batch_records,
            at_once=max(settings.engine_connections - 2, 1),
        )
        self._erasing = Erasing(
            stream=backing.stream,
            oblivion=PostgresOblivion(questions, database_url=backing.database_url),
            clock=_now,
        )
        reader = PostgresReader(questions, database_url=backing.database_url)
        operations = Operations(metrics=metrics)
        operations.ready_when("database", reader.ready)
        operations.ready_when("stream", backing.stream.ready)
        operations.ready_when("engine", self._joined)
        gauges = Gauges(reader=reader, stream=backing.stream, in_force=in_force, clock=_now, show=watcher.show)
        operations.refresh_on_scrape("situation", gauges.refresh)
        self._app = make_app(reader=reader, in_force=in_force, clock=_now, operations=operations)

    async def run(self, stop: asyncio.Event) -> None:
        logger.info("listening", port=self._bound.getsockname()[1])
        settle_collector()
        await supervise(
            {
                "engine": self._run_engine,
                "relay": self._relay.run,
                "editions": self._editions.run,
                "erasing": self._erasing.run,
                "http": http_task(self._app, self._bound, grace_seconds=self._settings.stop_grace_seconds / 2),
            },
            stop=stop,
            grace_seconds=self._settings.stop_grace_seconds,
        )

    async def _run_engine(self, stop: asyncio.Event) -> None:
        await ensure_topics(self._stream, partitions=self._settings.stream_partitions, stop=stop)
        await self._engine.run(stop)

    async def _joined(self) -> None:
        if not self._engine.joined:
            raise StreamUnavailable("the engine has not joined the stream yet")


async def ensure_topics(stream: Stream, *, partitions: int, stop: asyncio.Event) -> None:
    """Create what is missing, as soon as the log answers."""
    while not stop.is_set():
        try:
            for topic in (LEAD_EVENTS, SLA_EVENTS):
                await stream.ensure_topic(topic, partitions=partitions)
        except StreamUnavailable as error:
            logger.warning("stream_awaited", reason=str(error), retry_seconds=TOPIC_RETRY_SECONDS)
            await wait_or_stop(stop, TOPIC_RETRY_SECONDS)
        else:
            return


async def _schema_ready(settings: EngineSettings, backing: Backing, starting: Starting) -> None:
    """Wait for a database that is not there yet: others may be starting it."""
    starting.waits_for("database", "it has not been asked yet")
    while True:
        try:
            await _prepare_schema(settings, backing)
        except DatabaseUnavailable as error:
            starting.waits_for("database", str(error))
            logger.warning("database_awaited", reason=str(error))
        else:
            return


async def _prepare_schema(settings: EngineSettings, backing: Backing) -> None:
    """Raises `DatabaseUnavailable` after half a minute without an answer."""
    try:
        if settings.migrate_on_start:
            await upgrade(backing.database_url, MIGRATIONS)
        elif missing := await pending(backing.database_url, MIGRATIONS):
            raise StartError(f"the schema lacks {', '.join(missing)}: run `sla-engine migrate`")
    except (MigrationError, DatabaseRefused) as error:
        raise StartError(str(error)) from error


async def _pool(
    stack: contextlib.AsyncExitStack, backing: Backing, name: str, size: int
) -> "asyncpg.Pool[asyncpg.Record]":
    try:
        return await stack.enter_async_context(
            open_pool(
                backing.database_url,
                application_name=f"leadpact-{name}",
                max_size=size,
                idle_transaction_seconds=IDLE_TRANSACTION_SECONDS,
            )
        )
    except (DatabaseRefused, DatabaseUnavailable) as error:
        raise StartError(str(error)) from error


def _limits(settings: EngineSettings) -> Limits:
    return Limits(
        batch_leads=settings.engine_batch_leads,
        horizon_us=round(settings.engine_horizon_seconds * SECOND),
        cached_leads=settings.engine_cached_leads,
    )


def _now() -> datetime:
    return datetime.now(UTC)
