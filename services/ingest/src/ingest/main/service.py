"""The running service: everything opened, wired by hand, and supervised."""

import asyncio
import contextlib
import gc
import os
import socket
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from uuid import uuid4

from ingest.adapters.metrics import SERVICE, TranslationMetrics
from ingest.adapters.postgres import Database, PostgresDeadLetters, PostgresLedger, PostgresOblivion
from ingest.adapters.schema import MIGRATIONS
from ingest.adapters.sources_file import SourcesFileError, load_sources
from ingest.adapters.spool import DiskSpool, SpoolTaken
from ingest.application.draining import Drainer
from ingest.application.failure_limit import FailureLimit
from ingest.application.forgetting import Forgetting
from ingest.application.intake import Intake
from ingest.application.ports import StoreUnavailable
from ingest.application.retention import Retention
from ingest.application.translating import Translating
from ingest.config import IngestSettings
from ingest.domain.sources import Sources
from ingest.entrypoints.http.app import make_app
from ingest.entrypoints.http.figures import Figures
from ingest.entrypoints.http.webhooks import Webhooks
from shared.backing import Backing, open_backing
from shared.database.errors import DatabaseRefused, DatabaseUnavailable
from shared.database.migrations import MigrationError, pending, upgrade
from shared.events.topics import CRM_RECEIVED, LEAD_EVENTS
from shared.http_server import http_task, listen
from shared.logs import get_logger
from shared.metrics import SPOOL_BYTES, SPOOL_PENDING, Metrics
from shared.operations import Operations
from shared.process import StartError
from shared.streams.port import StreamUnavailable
from shared.supervision import supervise, unless_stopped, wait_or_stop

logger = get_logger(__name__)

RETRY_SECONDS = 1.0


async def serve(settings: IngestSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set. Raises `StartError` where starting again would not help."""
    sources = read_sources(settings)
    bound = listen(settings.host, settings.ingest_port, variable="LEADPACT_INGEST_PORT")
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(bound.close)
        spool = await _open_spool(settings, stack)
        backing = await stack.enter_async_context(open_backing(settings, client_id=SERVICE))
        database = Database(backing.database_url)
        stack.push_async_callback(database.close)
        await _Service(settings, sources, backing, database=database, spool=spool, bound=bound).run(stop)


def read_sources(settings: IngestSettings, *, resolve_secrets: bool = True) -> Sources:
    """The sources that the settings name. Raises `StartError` that lists every mistake."""
    try:
        return load_sources(settings.ingest_sources, environ=os.environ, resolve_secrets=resolve_secrets)
    except SourcesFileError as error:
        raise StartError(f"the sources file named by LEADPACT_INGEST_SOURCES can't be used\n{error}") from error


class _Service:
    """The parts of one process."""

    def __init__(
        self,
        settings: IngestSettings,
        sources: Sources,
        backing: Backing,
        *,
        database: Database,
        spool: DiskSpool,
        bound: socket.socket,
    ) -> None:
        self._settings = settings
        self._backing = backing
        self._spool = spool
        self._bound = bound
        self._prepared = asyncio.Event()
        self._missing = "the database's schema is not up to date yet"
        metrics = Metrics(service=SERVICE, version=version("leadpact-ingest"))
        watcher = TranslationMetrics(metrics, sources)
        ledger = PostgresLedger(database)
        letters = PostgresDeadLetters(database)
        self._translating = Translating(
            stream=backing.stream,
            ledger=ledger,
            sources=sources,
            watcher=watcher,
            limit=FailureLimit(
                ratio=settings.ingest_failure_limit_ratio, requests=settings.ingest_failure_limit_requests
            ),
            owner=f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}",
            batch_records=settings.ingest_batch_records,
        )
        self._forgetting = Forgetting(stream=backing.stream, oblivion=PostgresOblivion(database), sources=sources)
        self._drainer = Drainer(stream=backing.stream, spool=spool)
        self._retention = Retention(letters=letters, keep=timedelta(days=settings.ingest_dead_letter_days), clock=_now)
        operations = Operations(metrics=metrics)
        operations.ready_when("database", database.ready)
        operations.ready_when("stream", backing.stream.ready)
        operations.ready_when("translation", self._translates)
        operations.ready_when("spool", self._has_room)
        operations.refresh_on_scrape("lag", watcher.lag_of(backing.stream, lambda: self._translating.positions))
        operations.refresh_on_scrape("heard", watcher.heard_of(ledger.heard))
        metrics.gauge(SPOOL_PENDING).set_function(lambda: spool.pending)
        metrics.gauge(SPOOL_BYTES).set_function(lambda: spool.bytes)
        intake = Intake(
            stream=backing.stream, spool=spool, append_timeout_seconds=settings.ingest_append_timeout_seconds
        )
        webhooks = Webhooks(sources=sources, intake=intake, figures=Figures(metrics, sources), clock=_now)
        self._app = make_app(sources=sources, webhooks=webhooks, operations=operations)

    async def run(self, stop: asyncio.Event) -> None:
        logger.info("listening", port=self._bound.getsockname()[1])
        gc.collect()
        gc.freeze()  # what was made at start lives as long as the process
        await supervise(
            {
                "http": http_task(self._app, self._bound, grace_seconds=self._settings.stop_grace_seconds / 2),
                "translation": self._translate,
                "spool": self._drain,
                "retention": self._retain,
                "forgetting": self._forget,
            },
            stop=stop,
            grace_seconds=self._settings.stop_grace_seconds,
        )

    async def _translate(self, stop: asyncio.Event) -> None:
        await self._prepare(stop)
        await self._translating.run(stop)

    async def _drain(self, stop: asyncio.Event) -> None:
        await self._drainer.run(stop)

    async def _forget(self, stop: asyncio.Event) -> None:
        await self._when_prepared(stop)
        await self._forgetting.run(stop)

    async def _when_prepared(self, stop: asyncio.Event) -> None:
        """Another task prepares."""
        stopping = asyncio.create_task(stop.wait())
        prepared = asyncio.create_task(self._prepared.wait())
        try:
            await asyncio.wait({stopping, prepared}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            prepared.cancel()

    async def _retain(self, stop: asyncio.Event) -> None:
        await self._retention.run(stop)

    async def _prepare(self, stop: asyncio.Event) -> None:
        """Topics and schema, as soon as stream and database answer; webhooks are spooled meanwhile."""
        while not stop.is_set() and not self._prepared.is_set():
            try:
                for topic in (CRM_RECEIVED, LEAD_EVENTS):
                    await self._backing.stream.ensure_topic(topic, partitions=self._settings.stream_partitions)
                await unless_stopped(self._prepare_schema(), stop)
            except (StreamUnavailable, DatabaseUnavailable) as error:
                self._missing = str(error)
                logger.warning("start_waits", reason=str(error), retry_seconds=RETRY_SECONDS)
                await wait_or_stop(stop, RETRY_SECONDS)
            else:
                if not stop.is_set():
                    self._prepared.set()

    async def _prepare_schema(self) -> None:
        try:
            if self._settings.migrate_on_start:
                await upgrade(self._backing.database_url, MIGRATIONS)
            elif missing := await pending(self._backing.database_url, MIGRATIONS):
                raise StartError(f"the schema lacks {', '.join(missing)}: run `ingest migrate`")
        except (MigrationError, DatabaseRefused) as error:
            raise StartError(str(error)) from error

    async def _translates(self) -> None:
        if self._translating.halted is not None:
            raise StoreUnavailable(f"translation has stopped: {self._translating.halted}")
        if not self._prepared.is_set():
            raise StoreUnavailable(self._missing)
        if not self._translating.joined:
            raise StreamUnavailable("translation has not joined the stream yet")

    async def _has_room(self) -> None:
        if self._spool.full:
            raise StoreUnavailable(f"the spool is full ({self._spool.bytes} bytes)")


async def _open_spool(settings: IngestSettings, stack: contextlib.AsyncExitStack) -> DiskSpool:
    spool = DiskSpool(settings.spool_dir, max_bytes=settings.ingest_spool_max_bytes)
    try:
        return await stack.enter_async_context(spool)
    except SpoolTaken as error:
        raise StartError(str(error)) from error
    except OSError as error:
        raise StartError(
            f"the spool {settings.spool_dir} can't be used ({error.strerror}); "
            "set LEADPACT_STATE_DIR (or LEADPACT_INGEST_SPOOL_DIR) to a folder that you may write to"
        ) from error


def _now() -> datetime:
    return datetime.now(UTC)
