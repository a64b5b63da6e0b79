"""Topics that are made on Kafka keep personal data for a time that is set, and not for the broker's default."""

from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.streams.connect import DEFAULT_RETENTION
from shared.streams.kafka import KafkaOptions, KafkaStream
from tests.support.kafka_broker import Broker

pytestmark = pytest.mark.kafka


async def retention_of(broker: Broker, topic: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    (resource,) = answer.resources  # type: ignore[attr-defined] # aiokafka gives its answers their fields at run time
    return next(str(entry[1]) for entry in resource[4] if entry[0] == "retention.ms")


async def test_a_topic_keeps_its_records_for_as_long_as_the_log_in_postgresql(kafka_broker: Broker) -> None:
    topic = f"retention.{uuid4().hex[:8]}"
    async with KafkaStream(KafkaOptions(bootstrap=kafka_broker.bootstrap, client_id="contract")) as stream:
        await stream.ensure_topic(topic, partitions=1)
        assert await retention_of(kafka_broker, topic) == str(round(DEFAULT_RETENTION.total_seconds() * 1000))


async def test_a_topic_that_is_there_keeps_its_own_setting(kafka_broker: Broker) -> None:
    topic = f"retention.{uuid4().hex[:8]}"
    for seconds in (3600.0, 7200.0):
        options = KafkaOptions(bootstrap=kafka_broker.bootstrap, client_id="contract", retention_seconds=seconds)
        async with KafkaStream(options) as stream:
            await stream.ensure_topic(topic, partitions=1)
    assert await retention_of(kafka_broker, topic) == "3600000"
