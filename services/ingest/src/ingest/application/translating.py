"""Consume `crm.received`: translate, append lead events, then commit offset and dead letters.

Lead events are appended before the offset is committed. A crash in between appends them again, with the same ids,
which the engine knows. Offset and dead letters commit together, fenced by the partition's epoch.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ingest.application.failure_limit import FailureLimit, RecentOutcomes
from ingest.application.forgetting import is_passed_on, letters_without
from ingest.application.letters import Translated, translated
from ingest.application.ports import Claim, Fenced, Ledger, StoreUnavailable
from ingest.domain.sources import Sources
from shared.events.topics import CRM_RECEIVED, LEAD_EVENTS
from shared.logs import get_logger
from shared.streams.port import Fetch, Stream, StreamUnavailable, Subscription
from shared.supervision import wait_or_stop

logger = get_logger(__name__)

GROUP = "ingest"
FETCH_SECONDS = 0.5
"""A stop asked for during a fetch is seen after this long."""
RETRY_SECONDS = 1.0
CHUNK_REQUESTS = 100
"""So many requests are translated before other tasks of the process (answering webhooks) get their turn."""


class TranslationHalted(Exception):  # noqa: N818 - it is what happened
    """Too much fails; the text says what, and the cure."""


class Watcher(Protocol):
    """Told what happened, for metrics."""

    def translated(self, results: Sequence[Translated], *, seconds: float) -> None:
        """A batch was committed."""
        ...

    def owns(self, partitions: Sequence[int]) -> None:
        """These are all the partitions owned now."""
        ...


class Translating:
    """One process's part of the translation. `owner` names the process in the partitions' rows."""

    def __init__(
        self,
        *,
        stream: Stream,
        ledger: Ledger,
        sources: Sources,
        watcher: Watcher,
        limit: FailureLimit,
        owner: str,
        batch_records: int = 500,
    ) -> None:
        self._stream = stream
        self._ledger = ledger
        self._sources = sources
        self._watcher = watcher
        self._limit = limit
        self._owner = owner
        self._batch_records = batch_records
        self._claims: dict[int, Claim] = {}
        self._positions: dict[int, int] = {}
        self._recent = RecentOutcomes(limit)
        self.joined = False
        self.halted: str | None = None

    @property
    def positions(self) -> Mapping[int, int]:
        """The offset to resume from, per owned partition, as committed."""
        return self._positions

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stopped. Outages are waited out; what was not committed is done again."""
        while not stop.is_set():
            try:
                await self._while_joined(stop)
            except (StoreUnavailable, StreamUnavailable) as error:
                logger.warning("translation_waits", reason=str(error), retry_seconds=RETRY_SECONDS)
                await wait_or_stop(stop, RETRY_SECONDS)
            except Fenced as error:
                logger.warning("translation_fenced", partition=error.partition, epoch=error.epoch)
            except TranslationHalted as halt:
                self.halted = str(halt)
                logger.critical("translation_halted", reason=self.halted)
                await stop.wait()  # webhooks are still received; a start with a corrected mapping goes on from here

    async def _while_joined(self, stop: asyncio.Event) -> None:
        self._recent = RecentOutcomes(self._limit)
        try:
            async with self._stream.subscribe(CRM_RECEIVED, group=GROUP, listener=self) as subscription:
                self.joined = True
                while not stop.is_set():
                    await self.run_once(subscription)
        finally:
            self.joined = False
            self._give_up(list(self._claims))

    async def run_once(self, subscription: Subscription) -> int:
        """Fetch once and do all that came; how many records. Raises what `run` handles."""
        fetches = await subscription.fetch(max_records=self._batch_records, timeout_seconds=FETCH_SECONDS)
        done = 0
        for fetch in fetches:
            claim = self._claims.get(fetch.partition)
            if claim is not None and (fetch.records or fetch.position != self._positions.get(fetch.partition)):
                await self._process(claim, fetch)
                done += len(fetch.records)
        return done

    async def _process(self, claim: Claim, fetch: Fetch) -> None:
        began = asyncio.get_running_loop().time()
        results = await self._translate(fetch)
        forgotten = await self._forgotten(results)
        records = [
            record
            for result in results
            for event, record in zip(result.events, result.records, strict=True)
            if is_passed_on(event, forgotten)
        ]
        letters = [letter for result in results for letter in result.letters]
        if letters and (leads := await self._ledger.all_forgotten()):
            letters = letters_without(letters, leads, self._sources)
        if records:
            await self._stream.append(LEAD_EVENTS, records)
        await self._ledger.commit(
            claim,
            position=fetch.position,
            letters=letters,
            heard=_heard(results),
        )
        self._positions[fetch.partition] = fetch.position
        if results:
            self._watcher.translated(results, seconds=asyncio.get_running_loop().time() - began)
            _log_failures(results)

    async def _forgotten(self, results: Sequence[Translated]) -> frozenset[str]:
        leads = {event.lead for result in results for event in result.events}
        return await self._ledger.forgotten(sorted(leads)) if leads else frozenset()

    async def _translate(self, fetch: Fetch) -> list[Translated]:
        results: list[Translated] = []
        for record in fetch.records:
            result = translated(record.value, self._sources)
            results.append(result)
            letter = result.letters[0] if result.letters else None
            self._recent.note(None if letter is None else (letter.source, letter.reason))
            if (too_many := self._recent.exceeded()) is not None:
                raise TranslationHalted(too_many)
            if len(results) % CHUNK_REQUESTS == 0:
                await asyncio.sleep(0)
        return results

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Claim them, so that whoever held them before can commit nothing more."""
        for number in partitions:
            claim = await self._ledger.claim(number, owner=self._owner)
            self._claims[number] = claim
            if claim.position is not None:
                self._positions[number] = claim.position
        self._watcher.owns(list(self._claims))
        logger.info("partitions_assigned", topic=CRM_RECEIVED, partitions=list(partitions))
        return {number: self._positions[number] for number in partitions if number in self._positions}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """They are somebody else's now."""
        self._give_up(partitions)

    def _give_up(self, partitions: Sequence[int]) -> None:
        for number in partitions:
            self._claims.pop(number, None)
            self._positions.pop(number, None)
        self._watcher.owns(list(self._claims))


def _heard(results: Sequence[Translated]) -> dict[str, datetime]:
    heard: dict[str, datetime] = {}
    for result in results:
        if (request := result.request) is not None:
            heard[request.source] = max(request.received_at, heard.get(request.source, request.received_at))
    return heard


def _log_failures(results: Sequence[Translated]) -> None:
    for result in results:
        for letter in result.letters:
            logger.warning(
                "dead_lettered", id=letter.id, source=letter.source, reason=letter.reason, raw_id=letter.raw_id
            )
