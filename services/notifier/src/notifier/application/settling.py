"""Settle what was left open: leases that ran out, and messages of which nobody knows whether they were posted."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from notifier.application.delivering import Told
from notifier.application.ports import Channel, Deliveries, LookupPostponedError
from notifier.domain.channels import ChannelKind, needs_settling
from notifier.domain.delivery import Delivery, State, expired, looked_up, lookup_postponed
from notifier.domain.outcomes import OUTCOMES
from shared.logs import get_logger

logger = get_logger(__name__)

BATCH = 20


class Settling:
    """The use case of the watchman; any number of them may run it at once."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        channels: Mapping[ChannelKind, Channel],
        settle_seconds: float,
        told: Told,
        now: Callable[[], datetime],
    ) -> None:
        self._deliveries = deliveries
        self._channels = channels
        self._settle_seconds = settle_seconds
        self._told = told
        self._now = now

    async def run_once(self) -> bool:
        """Reclaim and look up what is due; whether anything was."""
        late = await self._deliveries.expired(now=self._now(), limit=BATCH)
        for delivery in late:
            await self._reclaim(delivery)
        uncertain = await self._deliveries.to_look_up(now=self._now(), limit=BATCH)
        for delivery in uncertain:
            await self._look_up(delivery)
        return bool(late or uncertain)

    async def _reclaim(self, delivery: Delivery) -> None:
        after = expired(delivery, now=self._now())
        if await self._deliveries.save(after, was=State.LEASED):
            logger.warning("lease_expired", delivery=delivery.id, lead=delivery.lead, state=after.state)

    async def _look_up(self, delivery: Delivery) -> None:
        try:
            result = await self._channel(delivery.channel).look_up(delivery)
        except LookupPostponedError as error:
            until = self._now() + timedelta(seconds=error.retry_after_seconds)
            await self._deliveries.save(lookup_postponed(delivery, until=until, reason=str(error)), was=State.AMBIGUOUS)
            return
        now = self._now()
        settle = self._settle_seconds if needs_settling(delivery.channel) else 0.0
        after = looked_up(delivery, result, now=now, settle_seconds=settle)
        if await self._deliveries.save(after, was=State.AMBIGUOUS):
            self._told.attempted(after, OUTCOMES[type(result)], now=now)
            logger.warning("delivery_looked_up", delivery=delivery.id, lead=delivery.lead, state=after.state)

    def _channel(self, kind: ChannelKind) -> Channel:
        if kind not in self._channels:
            raise LookupPostponedError(f"the channel {kind} is not set up", retry_after_seconds=60)
        return self._channels[kind]
