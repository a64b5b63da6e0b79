"""A person asked to be deleted: what ingest keeps about the lead goes, and nothing new of it is passed on.

The sla-engine says so on `sla.events`. Dead letters lose what is about the lead; so does the log of raw requests, where
it can be changed (in PostgreSQL: in Kafka its retention ends it), as far as it was translated.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from ingest.application.ports import DeadLetter, Oblivion, Remains, StoreUnavailable
from ingest.domain import raw_request
from ingest.domain.lead_key import ids_in, may_come_from
from ingest.domain.oblivion import without_lead
from ingest.domain.sources import Sources
from shared.events.cloudevents import attributes
from shared.events.lead import LeadDeleted, LeadEvent, LeadMerged
from shared.events.topics import CRM_RECEIVED, SLA_EVENTS
from shared.logs import get_logger
from shared.streams.erasure import ErasableStream
from shared.streams.port import Fetch, StoredRecord, Stream, StreamUnavailable
from shared.supervision import wait_or_stop

logger = get_logger(__name__)

GROUP = "ingest-forgetting"
FORGOTTEN = "lead.forgotten"
FETCH_RECORDS = 2000
FETCH_SECONDS = 1.0
RETRY_SECONDS = 1.0


class Forgetting:
    """One process's part. Doing it twice is doing it once, so nothing is fenced."""

    def __init__(self, *, stream: Stream, oblivion: Oblivion, sources: Sources) -> None:
        self._stream = stream
        self._oblivion = oblivion
        self._sources = sources

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stopped. Outages are waited out."""
        while not stop.is_set():
            try:
                async with self._stream.subscribe(SLA_EVENTS, group=GROUP, listener=self) as subscription:
                    while not stop.is_set():
                        fetched = await subscription.fetch(max_records=FETCH_RECORDS, timeout_seconds=FETCH_SECONDS)
                        for fetch in fetched:
                            await self.take(fetch)
            except (StoreUnavailable, StreamUnavailable) as error:
                logger.warning("forgetting_waits", reason=str(error), retry_seconds=RETRY_SECONDS)
                await wait_or_stop(stop, RETRY_SECONDS)

    async def take(self, fetch: Fetch) -> None:
        """Forget the leads that are said to be forgotten. Raises `StoreUnavailable` or `StreamUnavailable`."""
        for record in fetch.records:
            told = attributes(record.headers)
            if told.get("type") == FORGOTTEN and "subject" in told:
                await self.forget(told["subject"])
        if fetch.records:
            await self._oblivion.moved(fetch.partition, fetch.position)

    async def forget(self, lead: str) -> None:
        """Forget one lead, in the dead letters and in the log."""
        shortest = min(ids_in(lead), key=len).encode()
        letters = await self._oblivion.forget(
            lead, containing=shortest, bare=lambda value: bared(value, lead, self._sources)
        )
        records = await self._forget_in_log(lead, shortest)
        logger.info("lead_forgotten", lead=lead, dead_requests=letters, records=records)

    async def _forget_in_log(self, lead: str, containing: bytes) -> int:
        if not isinstance(self._stream, ErasableStream):
            return 0
        translated = await self._oblivion.translated()
        changed = 0
        for source in self._sources.values():
            if not may_come_from(lead, source):
                continue
            for found in await self._stream.search(CRM_RECEIVED, key=source.name.encode(), containing=containing):
                if found.record.offset >= translated.get(found.partition, 0):
                    continue  # it is dealt with when it is translated
                left = bared(found.record.value, lead, self._sources)
                if left.value != found.record.value:
                    await self._replace(found.partition, found.record, left)
                    changed += 1
        return changed

    async def _replace(self, partition: int, record: StoredRecord, left: Remains) -> None:
        assert isinstance(self._stream, ErasableStream)
        await self._stream.replace(CRM_RECEIVED, partition=partition, offset=record.offset, value=left.value)

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Go on where anybody left off."""
        positions = await self._oblivion.positions()
        return {partition: positions[partition] for partition in partitions if partition in positions}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Nothing is held."""


def bared(value: bytes, lead: str, sources: Sources) -> Remains:
    """What is left of a stored raw request when all about the lead is gone."""
    try:
        request = raw_request.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        about = any(each.encode() in value for each in ids_in(lead))
        return Remains(value=None if about else value)
    left = without_lead(request, lead, sources.get(request.source))
    if left.request is request:
        return Remains(value=value)
    return Remains(value=None if left.request is None else raw_request.encode(left.request), gone=left.gone)


def letters_without(letters: Sequence[DeadLetter], leads: Sequence[str], sources: Sources) -> list[DeadLetter]:
    """The letters to keep, of which none holds anything about one of these leads."""
    kept = []
    for letter in letters:
        value: bytes | None = letter.request
        gone: frozenset[int] = frozenset()
        for lead in leads:
            if value is not None and min(ids_in(lead), key=len).encode() in value:
                left = bared(value, lead, sources)
                value, gone = left.value, gone | left.gone
        if value is not None and letter.part not in gone:
            kept.append(msgspec.structs.replace(letter, request=value))
    return kept


def is_passed_on(event: LeadEvent, forgotten: frozenset[str]) -> bool:
    """Of leads that are forgotten only what says who else is the same person, or to be forgotten."""
    return event.lead not in forgotten or isinstance(event, LeadMerged | LeadDeleted)
