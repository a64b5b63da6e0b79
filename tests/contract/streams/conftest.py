"""The suite's fixtures: each test runs once on each engine."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from shared.streams.port import Stream
from tests.contract.streams.engines import (
    Breakable,
    BreakableKafka,
    BreakableLog,
    Engine,
    KafkaEngine,
    PostgresEngine,
)
from tests.support.kafka_broker import kafka_broker, own_kafka_broker

__all__ = ["kafka_broker", "own_kafka_broker"]

BOTH = [
    pytest.param("kafka", marks=pytest.mark.kafka),
    pytest.param("postgres", marks=pytest.mark.postgres),
]
_numbers = count(1)


@pytest.fixture(params=BOTH)
def engine(request: pytest.FixtureRequest) -> Engine:
    """A running engine, shared (Kafka) or fresh (PostgreSQL)."""
    if request.param == "kafka":
        return KafkaEngine(request.getfixturevalue("kafka_broker").bootstrap)
    return PostgresEngine(request.getfixturevalue("database_url"))


@pytest.fixture
async def stream(engine: Engine) -> AsyncIterator[Stream]:
    """An open stream on the engine."""
    async with engine.open() as opened:
        yield opened


@pytest.fixture(params=BOTH)
def breakable(request: pytest.FixtureRequest) -> Breakable:
    """A running engine whose server the test may take away; it gives it back running."""
    if request.param == "kafka":
        return BreakableKafka(request.getfixturevalue("own_kafka_broker"))
    return BreakableLog(request.getfixturevalue("breakable_postgres"))


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """The name of a topic that nobody else uses; not created yet."""
    return f"{request.node.originalname.replace('_', '-')[:60]}.{next(_numbers)}"
