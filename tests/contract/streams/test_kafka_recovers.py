"""What only the Kafka adapter must survive: aiokafka's background tasks that stop without a word, and slow owners."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from shared.streams.kafka import KafkaOptions, KafkaStream
from shared.streams.kafka.subscription import KafkaSubscription
from shared.streams.port import Record, RecordTooLarge, StreamUnavailable
from tests.contract.streams.members import Member, Store
from tests.support.eventually import eventually
from tests.support.kafka_broker import Broker

pytestmark = pytest.mark.kafka

RECORD = Record(key=b"k", value=b"v")


@pytest.fixture
async def stream(kafka_broker: Broker) -> AsyncIterator[KafkaStream]:
    options = KafkaOptions(
        bootstrap=kafka_broker.bootstrap,
        client_id="contract",
        append_timeout_seconds=1,
        stuck_after_seconds=0.5,
        revocation_wait_seconds=1,
    )
    async with KafkaStream(options) as opened:
        yield opened


def consumer_of(member: Member) -> Any:  # noqa: ANN401 - aiokafka's consumer, to be broken from inside
    assert isinstance(member.subscription, KafkaSubscription)
    return member.subscription._membership.consumer


async def test_a_consumer_that_stops_fetching_is_replaced(stream: KafkaStream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=2)
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: len(member.owned) == 2)
        consumer_of(member)._fetcher._fetch_task.cancel()
        await member.fetch(timeout_seconds=0.4)  # the request under way ends
        await stream.append(topic, [RECORD])
        with pytest.raises(StreamUnavailable, match="replaced"):
            await member.until(lambda: bool(store.received))
        await member.until(lambda: store.values == [b"v"])
    assert [what for what, _ in member.told] == ["assigned", "revoked"] * 2


async def test_a_consumer_whose_group_work_failed_is_replaced(stream: KafkaStream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=2)
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: len(member.owned) == 2)
        failing = asyncio.ensure_future(consumer_of(member)._coordinator._push_error_to_user(KafkaError("planted")))
        await stream.append(topic, [RECORD])
        with pytest.raises(StreamUnavailable, match="planted"):
            await member.until(lambda: bool(store.received))
        await member.until(lambda: store.values == [b"v"])
        await failing
    assert [what for what, _ in member.told] == ["assigned", "revoked"] * 2


async def test_a_producer_that_gets_nothing_through_is_replaced(stream: KafkaStream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=1)
    await stream.append(topic, [RECORD])
    assert stream._appender._pipeline is not None
    producer: Any = stream._appender._pipeline._producer
    producer._sender._sender_task.cancel()
    with pytest.raises(StreamUnavailable, match="in time"):
        await stream.append(topic, [RECORD])
    await stream.append(topic, [RECORD])
    assert await stream.end_offsets(topic) == {0: 2}


async def test_an_owner_that_does_not_fetch_holds_a_rebalance_up_for_a_bounded_time(
    stream: KafkaStream, topic: str
) -> None:
    await stream.ensure_topic(topic, partitions=2)
    await stream.append(topic, [Record(key=b"%d" % n, value=b"%d" % n) for n in range(100)])
    store, others = Store(), Store()
    async with Member(stream, topic, store=store, name="busy") as busy:
        await busy.until(lambda: len(busy.owned) == 2)
        received = len(store.received)
        await stream.append(topic, [Record(key=b"%d" % n, value=b"%d" % n) for n in range(100, 200)])
        async with Member(stream, topic, store=others, name="other") as other:
            # The busy one is in the middle of a long batch; the other gets its share without it.
            await other.until(lambda: len(other.owned) == 1, within_seconds=10)
            lost = set(other.owned)
            assert len(store.received) == received

            async def caught_up() -> bool:
                await asyncio.gather(busy.fetch(), other.fetch())
                return busy.owned == {0, 1} - lost

            # What it had fetched of the lost partition is not handed out any more: `Member` checks that it owns.
            await eventually(caught_up, within_seconds=10, what="the busy one hears of its loss")
        assert ("revoked", [0, 1]) in busy.told


async def test_a_record_over_the_brokers_own_limit_is_refused_alone(
    kafka_broker: Broker, stream: KafkaStream, topic: str
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"max.message.bytes": "2000"})])
    await admin.close()

    async def there() -> bool:
        with contextlib.suppress(StreamUnavailable):
            return await stream.end_offsets(topic) == {0: 0}
        return False

    await eventually(there, within_seconds=10, what="the topic")
    refused: list[bytes] = []

    async def append(value: bytes) -> None:
        """As every caller must: again when the stream is unavailable, never again when the record is too large."""
        while True:
            try:
                return await stream.append(topic, [Record(key=b"k", value=value)])
            except StreamUnavailable:
                await asyncio.sleep(0.05)
            except RecordTooLarge:
                return refused.append(value)

    small = [b"%d" % n for n in range(30)]
    await asyncio.gather(*map(append, [*small[:15], b"x" * 5_000, *small[15:]]))
    assert refused == [b"x" * 5_000]
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: set(store.values) == set(small))
