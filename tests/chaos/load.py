"""Tells stories in real time: every news is appended when its sender would tell it, until it is acknowledged."""

import asyncio
import datetime as dt
import heapq

from shared.events import lead as lead_events
from shared.events.topics import LEAD_EVENTS
from shared.streams.port import Record, Stream, StreamUnavailable
from tests.chaos.stories import News, story

TICK_SECONDS = 0.02
TRY_AGAIN_SECONDS = 0.2
MOST_AT_ONCE = 1000
AHEAD = dt.timedelta(seconds=3)
"""News may come a little before what they tell of."""


class Load:
    """Begins `leads_a_second` stories a second until told to stop, then tells the rest of them."""

    def __init__(self, stream: Stream, *, seed: int, leads_a_second: float) -> None:
        self._stream = stream
        self._seed = seed
        self._between = dt.timedelta(seconds=1 / leads_a_second)
        self._waiting: list[tuple[dt.datetime, int, News]] = []
        self.acknowledged: dict[str, dt.datetime] = {}
        """By event id: when its first append was over."""
        self.stories = 0
        self.told = 0
        self.began = now()
        self.repeated = 0
        """Appended again because nobody knew whether they had arrived."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped, and all that was begun is told."""
        begins = now() + AHEAD
        while True:
            while not stop.is_set() and begins <= now() + AHEAD:
                for news in story(self._seed, self.stories, begins):
                    heapq.heappush(self._waiting, (news.at, len(self._waiting) + self.told, news))
                self.stories += 1
                begins += self._between
            await self._tell()
            if stop.is_set() and not self._waiting:
                return
            await asyncio.sleep(TICK_SECONDS)

    async def _tell(self) -> None:
        """What is due by now, in one append."""
        due: list[lead_events.LeadEvent] = []
        while self._waiting and self._waiting[0][0] <= now() and len(due) < MOST_AT_ONCE:
            due.append(heapq.heappop(self._waiting)[2].event)
        if not due:
            return
        records = [Record(key=event.lead.encode(), value=lead_events.encode(event)) for event in due]
        while True:
            try:
                await self._stream.append(LEAD_EVENTS, records)
            except StreamUnavailable:
                self.repeated += len(records)
                await asyncio.sleep(TRY_AGAIN_SECONDS)
            else:
                break
        at = now()
        self.told += len(due)
        for event in due:
            self.acknowledged.setdefault(event.id, at)


def now() -> dt.datetime:
    """The wall clock, which the engines on this machine share."""
    return dt.datetime.now(dt.UTC)
