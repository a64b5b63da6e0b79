"""The translation on a real stream and database, driven until it has done what is there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from ingest.adapters.postgres import Database, PostgresDeadLetters, PostgresLedger
from ingest.adapters.schema import MIGRATIONS
from ingest.application.failure_limit import FailureLimit
from ingest.application.intake import received_record
from ingest.application.letters import Translated
from ingest.application.translating import Translating
from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import JsonRule, Source, SourceKind, SourceMapping
from shared.database.migrations import upgrade
from shared.events import lead
from shared.events.lead import LeadEvent
from shared.events.topics import CRM_RECEIVED, LEAD_EVENTS
from shared.streams.connect import open_stream
from shared.streams.port import Record, Stream
from tests.support.ingest_sources import raw_of, source_of

PARTITIONS = 2
RULE = JsonRule(type="lead.stage_changed", lead="id", when="stage", fields={"stage": "stage"})
STAGES = {stage: stage for stage in ("new", "mql", "sql", "customer")}


def form(rule: JsonRule) -> Source:
    """A source of JSON with this rule."""
    return source_of(SourceKind.JSON, SourceMapping(rules=(rule,), stages=STAGES), name="form", account="acme")


SOURCE = form(RULE)


class Quiet:
    """A watcher that only counts."""

    def __init__(self) -> None:
        self.requests = 0

    def translated(self, results: Sequence[Translated], *, seconds: float) -> None:
        assert seconds >= 0
        self.requests += len(results)

    def owns(self, partitions: Sequence[int]) -> None:
        assert len(set(partitions)) == len(partitions)


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a test needs."""

    stream: Stream
    ledger: PostgresLedger
    letters: PostgresDeadLetters

    def translating(
        self,
        *,
        sources: Mapping[str, Source] | None = None,
        stream: Stream | None = None,
        limit: FailureLimit | None = None,
        owner: str = "test",
    ) -> Translating:
        """A consumer of its own."""
        return Translating(
            stream=stream or self.stream,
            ledger=self.ledger,
            sources={SOURCE.name: SOURCE} if sources is None else sources,
            watcher=Quiet(),
            limit=limit or FailureLimit(ratio=1.0),
            owner=owner,
        )

    async def receive(self, *requests: RawRequest) -> None:
        """As if they had come in."""
        await self.stream.append(CRM_RECEIVED, [received_record(request) for request in requests])

    async def append(self, *records: Record) -> None:
        """Whatever it is, on crm.received."""
        await self.stream.append(CRM_RECEIVED, records)


def request(body: object) -> RawRequest:
    """A request of the one source."""
    return raw_of(SOURCE, body)


def staged(number: int, stage: str = "mql") -> RawRequest:
    """A request that becomes one event."""
    return request({"id": f"lead-{number}", "stage": stage})


@contextlib.asynccontextmanager
async def parts(database_url: str) -> AsyncIterator[Parts]:
    """Stream and schema on the database."""
    await upgrade(database_url, MIGRATIONS)
    async with open_stream(None, database_url=database_url, client_id="test") as stream:
        for topic in (CRM_RECEIVED, LEAD_EVENTS):
            await stream.ensure_topic(topic, partitions=PARTITIONS)
        database = Database(database_url)
        try:
            yield Parts(stream=stream, ledger=PostgresLedger(database), letters=PostgresDeadLetters(database))
        finally:
            await database.close()


async def until_caught_up(translating: Translating, stream: Stream) -> None:
    """Run it until its committed positions are the log's end (or it halts), then stop it."""
    stop = asyncio.Event()
    running = asyncio.create_task(translating.run(stop))
    try:
        async with asyncio.timeout(20):
            while translating.halted is None and dict(await stream.end_offsets(CRM_RECEIVED)) != translating.positions:
                assert not running.done(), running.exception()
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await running


async def published(stream: Stream) -> list[LeadEvent]:
    """All events on lead.events, partition by partition."""
    return [lead.decode(value) for value in await values_of(stream, LEAD_EVENTS)]


async def values_of(stream: Stream, topic: str) -> list[bytes]:
    """Everything on a topic."""

    class FromTheStart:
        async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
            assert partitions
            return {}

        async def revoked(self, partitions: Sequence[int]) -> None:
            assert partitions

    ends = dict(await stream.end_offsets(topic))
    reached: dict[int, int] = {}
    values: dict[int, list[bytes]] = {partition: [] for partition in ends}
    async with stream.subscribe(topic, group="reader", listener=FromTheStart()) as subscription, asyncio.timeout(20):
        while any(reached.get(partition, 0) < end for partition, end in ends.items()):
            for fetch in await subscription.fetch(max_records=5000, timeout_seconds=0.5):
                reached[fetch.partition] = fetch.position
                values[fetch.partition] += [bytes(one.value) for one in fetch.records]
    return [value for partition in sorted(values) for value in values[partition]]
