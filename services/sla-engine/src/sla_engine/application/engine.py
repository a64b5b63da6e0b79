"""The engine: owns partitions of `lead.events` and keeps them moving.

One loop: fetch, take in what came (partitions side by side), fire what is due, judge again where the agreement is new.
It waits in the fetch and nowhere else: until something arrives, or the next deadline of any owned partition.

A partition's deadlines fire only up to `Fetch.read_through`, the gate: see docs/guarantees.md.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from shared.events.topics import LEAD_EVENTS
from shared.logs import get_logger
from shared.streams.port import Fetch, Stream, StreamUnavailable, Subscription
from shared.supervision import wait_or_stop
from sla_engine.application.in_force import InForce
from sla_engine.application.pace import Pace
from sla_engine.application.partition import Clock, Limits, Partition
from sla_engine.application.ports import Behind, Fenced, Store, StoreUnavailable, Watcher

logger = get_logger(__name__)

T = TypeVar("T")

GROUP = "sla-engine"
SHORTEST_WAIT_SECONDS = 0.01
"""While a deadline has come and the gate has not moved past it yet, the log is asked this often."""
LONGEST_WAIT_SECONDS = 0.5
"""A stop asked for during a fetch is seen after this long."""
RETRY_SECONDS = 1.0


class Engine:
    """One process's part of the work. `owner` names the process in the partitions' rows."""

    def __init__(
        self,
        *,
        stream: Stream,
        store: Store,
        in_force: InForce,
        watcher: Watcher,
        clock: Clock,
        limits: Limits,
        owner: str,
        fetch_records: int = 32_000,
        at_once: int = 2,
    ) -> None:
        self._stream = stream
        self._store = store
        self._in_force = in_force
        self._watcher = watcher
        self._clock = clock
        self._limits = limits
        self._owner = owner
        self._pace = Pace(fetch_records)
        self._at_once = asyncio.Semaphore(at_once)
        self._judging = asyncio.Lock()
        self._owned: dict[int, Partition] = {}
        self._pressing = False
        self.joined = False

    @property
    def positions(self) -> Mapping[int, int]:
        """The offset to resume from, per owned partition, as committed."""
        return {number: partition.position or 0 for number, partition in self._owned.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stopped. Outages of the log and the database are waited out; what was not committed is redone."""
        while not stop.is_set():
            try:
                await self._while_joined(stop)
            except (StoreUnavailable, StreamUnavailable) as error:
                logger.warning("engine_waits", reason=str(error), retry_seconds=RETRY_SECONDS)
                self._give_up_all("unavailable")
                await wait_or_stop(stop, RETRY_SECONDS)
            except Fenced as error:
                # Whoever was fenced has lost the session without being told: leave, and join again as a new member.
                logger.warning("engine_fenced", partition=error.partition, epoch=error.epoch, detail=str(error))
                self._give_up_all("fenced")

    async def _while_joined(self, stop: asyncio.Event) -> None:
        async with self._stream.subscribe(LEAD_EVENTS, group=GROUP, listener=self) as subscription:
            self.joined = True
            try:
                while not stop.is_set():
                    await self.run_once(subscription)
            finally:
                self.joined = False
        self._give_up_all(None)

    async def run_once(self, subscription: Subscription) -> None:
        """One round: wait for what comes first, then do one bounded piece of everything."""
        try:
            fetches = await subscription.fetch(
                max_records=self._pace.records, timeout_seconds=self._wait_seconds(self._clock())
            )
        except StreamUnavailable as error:
            logger.warning("stream_unavailable", reason=str(error), retry_seconds=RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._pace.brought(sum([len(fetch.records) for fetch in fetches]))
        by_number = {fetch.partition: fetch for fetch in fetches}
        more = await _all_or_first_error(
            self._turn(partition, by_number.get(partition.number)) for partition in list(self._owned.values())
        )
        self._pressing = any(more)

    async def _turn(self, partition: Partition, fetch: Fetch | None) -> bool:
        """A partition's part of a round; whether more is to be done at once."""
        async with self._at_once:
            if fetch is not None:
                await self._by_the_newest(partial(partition.take, fetch))
            more = await self._by_the_newest(partition.fire)
            return await self._by_the_newest(partition.rejudge) or more

    async def _by_the_newest(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it; where an edition was applied of which this process had not heard, again by that one."""
        while True:
            try:
                return await work()
            except Behind as error:
                logger.info("engine_behind", detail=str(error))
                await self._in_force.renew()

    def _wait_seconds(self, now: datetime) -> float:
        if self._pressing:
            return 0.0
        nearest = min((each.seconds_to_next(now) for each in self._owned.values()), default=LONGEST_WAIT_SECONDS)
        return min(max(nearest, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Claim them: raise the epoch, so that whoever held them before can commit nothing more."""
        positions: dict[int, int] = {}
        armed_seconds = 0.0
        for number in partitions:
            claim = await self._store.claim(number, owner=self._owner)
            await self._in_force.renew()
            partition = Partition(
                claim,
                store=self._store,
                in_force=self._in_force,
                watcher=self._watcher,
                clock=self._clock,
                limits=self._limits,
                judging=self._judging,
            )
            began = time.perf_counter()
            await partition.load_horizon()
            armed_seconds = max(armed_seconds, time.perf_counter() - began)
            self._owned[number] = partition
            self._pressing = self._pressing or partition.rejudging
            if claim.position is not None:
                positions[number] = claim.position
        self._watcher.owns(list(self._owned))
        logger.info(
            "partitions_assigned",
            partitions=list(partitions),
            positions=positions,
            armed_ms=round(armed_seconds * 1000, 1),  # the longest from owning a partition to its next deadlines
        )
        return positions

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Forget them; what they had committed is in the database."""
        for number in partitions:
            self._owned.pop(number, None)
        self._watcher.owns(list(self._owned))
        logger.info("partitions_revoked", partitions=list(partitions))

    def _give_up_all(self, reason: str | None) -> None:
        if reason is not None:
            self._watcher.gave_up(reason)
        self._owned.clear()
        self._watcher.owns([])


async def _all_or_first_error(turns: Iterable[Awaitable[bool]]) -> list[bool]:
    """Every turn runs to its end, also when one fails: a commit under way is not cut in the middle."""
    results = await asyncio.gather(*turns, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, bool)]
