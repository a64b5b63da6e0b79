"""What ingest's integration tests ask for."""

from tests.support.kafka_broker import own_kafka_broker

__all__ = ["own_kafka_broker"]
