"""The partition of a key, as Kafka's own clients compute it."""

import random

import pytest
from aiokafka.partitioner import murmur2

from shared.streams.partitioning import partition_for

SEED = 6


@pytest.mark.parametrize("length", range(40))
def test_any_key_goes_where_a_kafka_client_would_send_it(length: int) -> None:
    chance = random.Random(SEED + length)
    for _ in range(20):
        key = chance.randbytes(length)
        for partitions in (1, 3, 12):
            assert partition_for(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


def test_keys_spread() -> None:
    counts = [0] * 8
    for number in range(8_000):
        counts[partition_for(b"lead-%d" % number, 8)] += 1
    assert min(counts) > 800
