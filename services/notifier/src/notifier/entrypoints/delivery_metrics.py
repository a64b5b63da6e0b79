"""What delivering tells Prometheus."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from notifier.domain.channels import ChannelKind
from notifier.domain.delivery import Delivery, State
from notifier.domain.outcomes import Outcome
from shared.metrics import DELIVERIES, DELIVERY_ATTEMPTS, NOTIFICATION_DELAY, Metrics

Counts = Mapping[tuple[str, str], int]
"""(channel, state) → deliveries."""


class DeliveryMetrics:
    """Told of every attempt; refreshes the gauge from the database at a scrape. Every combination reads 0 at first."""

    def __init__(self, metrics: Metrics, *, count: Callable[[], Awaitable[Counts]]) -> None:
        self._count = count
        self._attempts = metrics.counter(DELIVERY_ATTEMPTS)
        self._deliveries = metrics.gauge(DELIVERIES)
        self._delay = metrics.histogram(NOTIFICATION_DELAY)
        for channel in ChannelKind:
            self._delay.labels(channel=channel)
            for outcome in Outcome:
                self._attempts.labels(channel=channel, outcome=outcome)
            for state in State:
                self._deliveries.labels(channel=channel, state=state).set(0)

    def attempted(self, delivery: Delivery, outcome: Outcome, *, now: datetime) -> None:
        self._attempts.labels(channel=delivery.channel, outcome=outcome).inc()
        if outcome is Outcome.SENT:
            delay = max(0.0, (now - delivery.announced_at).total_seconds())
            self._delay.labels(channel=delivery.channel).observe(delay)

    async def refresh(self) -> None:
        """Set the gauge of deliveries by state."""
        counts = await self._count()
        for channel in ChannelKind:
            for state in State:
                self._deliveries.labels(channel=channel, state=state).set(counts.get((channel, state), 0))
