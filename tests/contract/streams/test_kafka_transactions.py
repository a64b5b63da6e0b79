"""What other producers' transactions mean for a reader on Kafka: only what is committed is read, and the gate waits."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from shared.streams.connect import open_stream
from shared.streams.port import Record, Stream
from tests.contract.streams.members import Member, Store
from tests.support.kafka_broker import Broker

pytestmark = pytest.mark.kafka


@pytest.fixture
async def stream(kafka_broker: Broker) -> AsyncIterator[Stream]:
    async with open_stream(f"kafka://{kafka_broker.bootstrap}", database_url=None, client_id="contract") as opened:
        yield opened


@pytest.fixture
async def producer(kafka_broker: Broker, topic: str) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=kafka_broker.bootstrap, transactional_id=topic) as started:
        yield started


async def test_committed_is_read_and_aborted_is_not(stream: Stream, producer: AIOKafkaProducer, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=1)
    for number in range(20):
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"%d" % number, key=b"k")
        await (producer.abort_transaction() if number % 3 else producer.commit_transaction())
    await stream.append(topic, [Record(key=b"k", value=b"last")])
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: b"last" in store.values, max_records=2)
        await member.fetch()
    assert store.values == [*(b"%d" % number for number in range(0, 20, 3)), b"last"]
    offsets = [offset for _, offset, _, _ in store.received]
    assert offsets != list(range(len(offsets))), "markers and aborted records take offsets too"


async def test_the_gate_waits_behind_an_open_transaction(
    stream: Stream, producer: AIOKafkaProducer, topic: str
) -> None:
    """A record acknowledged behind the transaction's beginning can't be read until it ends."""
    await stream.ensure_topic(topic, partitions=1)
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: len(member.owned) == 1)
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"open", key=b"k")
        await stream.append(topic, [Record(key=b"k", value=b"behind")])
        acknowledged = datetime.now(UTC)
        for _ in range(5):
            await member.fetch(timeout_seconds=0.1)
            assert store.values == []
            assert (member.read_through.get(0) or datetime.min.replace(tzinfo=UTC)) <= acknowledged
        await producer.commit_transaction()
        await member.until(lambda: store.values == [b"open", b"behind"])
        await member.until(lambda: (member.read_through[0] or acknowledged) > acknowledged)
