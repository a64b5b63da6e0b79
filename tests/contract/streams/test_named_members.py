"""A Kafka member with a name: whoever comes back under it takes its place, however long the sessions are."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from shared.streams.kafka import KafkaOptions, KafkaStream
from shared.streams.kafka.subscription import KafkaSubscription
from tests.contract.streams.members import Member, Store, eventually_true
from tests.support.kafka_broker import Broker

pytestmark = pytest.mark.kafka

PARTITIONS = 4
SESSION_SECONDS = 60.0
"""Longer than any bound here: what moves before has not waited for it."""


@contextlib.asynccontextmanager
async def named(broker: Broker, name: str) -> AsyncIterator[KafkaStream]:
    options = KafkaOptions(
        bootstrap=broker.bootstrap, client_id="contract", member=name, session_timeout_seconds=SESSION_SECONDS
    )
    async with KafkaStream(options) as stream:
        yield stream


async def die(member: Member) -> None:
    """As after kill -9, as far as the group can see: its consumer is gone and has not left."""
    assert isinstance(member.subscription, KafkaSubscription)
    consumer = member.subscription._membership.consumer
    assert consumer is not None
    await consumer.stop()  # aiokafka's own never lets a named member leave
    member.subscription._membership.consumer = None


async def test_a_successor_takes_the_place_of_a_killed_member_at_once(kafka_broker: Broker, topic: str) -> None:
    async with named(kafka_broker, "one") as stream, named(kafka_broker, "one") as again:
        await stream.ensure_topic(topic, partitions=PARTITIONS)
        async with Member(stream, topic, store=Store()) as killed:
            await killed.until(lambda: len(killed.owned) == PARTITIONS)
            await die(killed)
        async with Member(again, topic, store=Store()) as successor:
            await successor.until(lambda: len(successor.owned) == PARTITIONS, within_seconds=20)


async def test_a_named_member_that_leaves_gives_its_partitions_up_at_once(kafka_broker: Broker, topic: str) -> None:
    async with named(kafka_broker, "one") as one, named(kafka_broker, "two") as two:
        await one.ensure_topic(topic, partitions=PARTITIONS)
        async with Member(one, topic, store=Store()) as leaving:
            await leaving.until(lambda: len(leaving.owned) == PARTITIONS)
        async with Member(two, topic, store=Store()) as other:
            await other.until(lambda: len(other.owned) == PARTITIONS, within_seconds=20)


async def test_members_of_two_names_share_the_partitions(kafka_broker: Broker, topic: str) -> None:
    store = Store()
    async with named(kafka_broker, "one") as one, named(kafka_broker, "two") as two:
        await one.ensure_topic(topic, partitions=PARTITIONS)
        async with (
            Member(one, topic, store=store, name="one") as first,
            Member(two, topic, store=store, name="two") as second,
            first.running(),
            second.running(),
        ):
            await eventually_true(
                lambda: sorted([len(first.owned), len(second.owned)]) == [2, 2],
                within_seconds=20,
                what="two partitions each",
            )
