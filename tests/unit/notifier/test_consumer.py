"""The consumer's loop: what it survives, and what it counts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

import pytest

from notifier.application.intake import Intake
from notifier.application.ports import IntakeTransaction, OwnershipLostError, UndecodableRecord
from notifier.domain.channels import ChannelKind
from notifier.domain.delivery import Delivery
from notifier.domain.planning import Routing
from notifier.entrypoints.consumer import Consumer
from shared.database import DatabaseUnavailable
from shared.events.sla import AnySlaEvent, encode
from shared.events.topics import SLA_EVENTS
from shared.metrics import Metrics
from shared.streams.port import Fetch, OwnershipListener, Record, StoredRecord, StreamUnavailable, Subscription
from tests.support import sla_events
from tests.support.sla_events import DEADLINE


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.entrypoints.consumer.PAUSE_SECONDS", 0.0)


class Memory:
    """An inbox in memory; `troubles` are raised, one at each commit."""

    def __init__(self, *troubles: Exception) -> None:
        self.troubles = list(troubles)
        self.position: int | None = None
        self.deliveries: list[Delivery] = []
        self.letters: list[UndecodableRecord] = []
        self.owned = 0
        self.forgotten_leads: frozenset[str] = frozenset()

    async def own(self, _topic: str, partitions: Sequence[int]) -> Mapping[int, int]:
        self.owned += 1
        return {} if self.position is None else dict.fromkeys(partitions, self.position)

    @contextlib.asynccontextmanager
    async def taking(self, _topic: str, *, partition: int, position: int) -> AsyncIterator[IntakeTransaction]:
        assert partition == 0
        if self.troubles:
            raise self.troubles.pop(0)
        yield self
        self.position = position

    @contextlib.asynccontextmanager
    async def aside(self) -> AsyncIterator[IntakeTransaction]:
        yield self

    async def accept(self, events: Sequence[AnySlaEvent], *, now: datetime) -> Sequence[AnySlaEvent]:
        assert now == DEADLINE
        return events

    async def deliveries_of(self, _obligations: Sequence[str]) -> Mapping[str, Sequence[Delivery]]:
        return {}

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        self.deliveries.extend(deliveries)

    async def put_aside(self, letters: Sequence[UndecodableRecord], *, now: datetime) -> None:
        assert now == DEADLINE
        self.letters.extend(letters)

    async def forgotten(self, leads: Sequence[str]) -> frozenset[str]:
        return self.forgotten_leads & frozenset(leads)

    async def forget(self, lead: str, *, before: int | None, now: datetime) -> Sequence[Delivery]:
        assert (before, now) == (0, DEADLINE)
        self.forgotten_leads |= {lead}
        return ()


class OneRecordStream:
    """A stream with one partition that holds one record; at its end it asks the consumer to stop."""

    def __init__(self, value: bytes, stop: asyncio.Event, *troubles: Exception) -> None:
        self.record = StoredRecord(offset=0, key=b"k", value=value, headers=(), appended_at=DEADLINE)
        self.stop = stop
        self.troubles = list(troubles)
        self.position = 0

    @contextlib.asynccontextmanager
    async def subscribe(self, topic: str, *, group: str, listener: OwnershipListener) -> AsyncIterator[Subscription]:
        assert (topic, group) == (SLA_EVENTS, "notifier")
        self.position = (await listener.assigned([0])).get(0, 0)
        yield self

    async def fetch(self, *, max_records: int, timeout_seconds: float) -> Sequence[Fetch]:
        assert max_records > 0
        assert timeout_seconds > 0
        if self.troubles:
            raise self.troubles.pop(0)
        records = [self.record] if self.position == 0 else []
        if not records:
            self.stop.set()
        self.position = 1
        return [Fetch(partition=0, records=records, position=1, read_through=None)]

    async def ensure_topic(self, topic: str, *, partitions: int) -> None: ...

    async def partitions(self, _topic: str) -> int:
        return 1

    async def append(self, topic: str, records: Sequence[Record]) -> None: ...

    async def end_offsets(self, _topic: str) -> Mapping[int, int]:
        return {0: 4}

    async def ready(self) -> None: ...


async def consume(inbox: Memory, value: bytes, *troubles: Exception) -> Metrics:
    """Consume until the record is behind us."""
    stop, metrics = asyncio.Event(), Metrics(service="notifier", version="0")
    routing = Routing(channels=(ChannelKind.PREVIEW,), default_channel="#sales")
    consumer = Consumer(
        stream=OneRecordStream(value, stop, *troubles),
        intake=Intake(inbox=inbox, routing=routing, now=lambda: DEADLINE),
        inbox=inbox,
        metrics=metrics,
        planned=lambda: None,
    )
    await asyncio.wait_for(consumer.run(stop), 30)
    await consumer.refresh_lag()
    return metrics


def reading(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_an_event_becomes_deliveries_and_is_counted() -> None:
    inbox = Memory()
    metrics = await consume(inbox, encode(sla_events.breached()))
    assert (len(inbox.deliveries), inbox.position) == (1, 1)
    consumed = "leadpact_events_consumed_total"
    assert reading(metrics, consumed, topic=SLA_EVENTS, type="obligation.breached") == 1
    assert reading(metrics, consumed, topic=SLA_EVENTS, type="obligation.retracted") == 0
    assert reading(metrics, "leadpact_consumer_lag_records", topic=SLA_EVENTS, partition="0") == 3


async def test_what_can_not_be_read_is_counted_and_passed() -> None:
    inbox = Memory()
    metrics = await consume(inbox, b"nothing")
    assert [letter.value for letter in inbox.letters] == [b"nothing"]
    assert inbox.position == 1
    assert reading(metrics, "leadpact_events_dead_lettered_total", service="notifier", reason="undecodable") == 1


async def test_a_lost_partition_is_joined_again_from_its_stored_position() -> None:
    inbox = Memory(OwnershipLostError("somebody else"))
    await consume(inbox, encode(sla_events.breached()))
    assert (inbox.owned, len(inbox.deliveries)) == (2, 1)


async def test_a_database_that_is_away_is_waited_for_and_nothing_is_skipped() -> None:
    inbox = Memory(DatabaseUnavailable("restarting"))
    await consume(inbox, encode(sla_events.breached()))
    assert (inbox.owned, len(inbox.deliveries)) == (2, 1)


async def test_a_log_that_is_away_is_waited_for() -> None:
    inbox = Memory()
    await consume(inbox, encode(sla_events.breached()), StreamUnavailable("no broker"))
    assert len(inbox.deliveries) == 1
