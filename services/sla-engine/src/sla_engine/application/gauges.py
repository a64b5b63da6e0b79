"""What the gauges show, gathered at a scrape."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from shared.events.topics import LEAD_EVENTS
from shared.streams.port import Stream, StreamUnavailable
from sla_engine.application.in_force import InForce
from sla_engine.application.reading import Reader, Situation, Window
from sla_engine.domain.instants import to_us


class Show(Protocol):
    """Takes a situation to where it is shown."""

    def __call__(self, situation: Situation, *, now_us: int) -> None:
        """Show it."""
        ...


class Gauges:
    """Refreshed at each scrape: exact, and the same on every replica."""

    def __init__(
        self, *, reader: Reader, stream: Stream, in_force: InForce, clock: Callable[[], datetime], show: Show
    ) -> None:
        self._reader = reader
        self._stream = stream
        self._in_force = in_force
        self._clock = clock
        self._show = show

    async def refresh(self) -> None:
        """Read the situation and show it. Without the stream, the lag is left out."""
        now = self._clock()
        situation = await self._reader.situation(windows(now, ZoneInfo(self._in_force.agreement.timezone)), now)
        situation = msgspec.structs.replace(situation, lag=await self._lag(situation.positions))
        self._show(situation, now_us=to_us(now))

    async def _lag(self, positions: Mapping[int, int]) -> Mapping[int, int]:
        try:
            ends = await self._stream.end_offsets(LEAD_EVENTS)
        except StreamUnavailable:
            return {}
        return {partition: max(end - positions.get(partition, 0), 0) for partition, end in ends.items()}


def windows(now: datetime, zone: ZoneInfo) -> Mapping[Window, datetime]:
    """When each window begins. `period` is the calendar month in the agreement's zone."""
    month = now.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return {
        Window.DAY: now - timedelta(days=1),
        Window.WEEK: now - timedelta(days=7),
        Window.FOUR_WEEKS: now - timedelta(days=28),
        Window.PERIOD: month.astimezone(UTC),
    }
