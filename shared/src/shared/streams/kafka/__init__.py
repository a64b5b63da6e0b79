"""The Stream port on Apache Kafka. Nothing outside this package knows aiokafka."""

from shared.streams.kafka.options import KafkaOptions
from shared.streams.kafka.stream import KafkaStream

__all__ = ["KafkaOptions", "KafkaStream"]
