"""Fixtures of the engine's tests."""

from tests.support.kafka_broker import own_kafka_broker

__all__ = ["own_kafka_broker"]
