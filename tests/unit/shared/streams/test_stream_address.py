"""Which address opens which engine, and what a wrong one is told."""

import pytest

from shared.streams.connect import StreamAddressError, open_stream
from shared.streams.kafka import KafkaStream
from shared.streams.postgres import PostgresOptions, PostgresStream

DATABASE = "postgresql://leadpact:s3cret@db.example:5432/leadpact"


@pytest.mark.parametrize("url", ["kafka://broker:9092", "kafka://a:9092,b:9093/", "kafka://[::1]:9092"])
def test_kafka(url: str) -> None:
    assert isinstance(open_stream(url, database_url=None, client_id="test"), KafkaStream)


@pytest.mark.parametrize("url", [None, "", "postgres:", "postgres://"])
def test_the_database(url: str | None) -> None:
    assert isinstance(open_stream(url, database_url=DATABASE, client_id="test"), PostgresStream)


@pytest.mark.parametrize(
    "url", ["kafka://", "kafka://broker", "kafka:broker:9092x", "kafka://user:pass@broker:9092", "kafka://a:1/topic"]
)
def test_a_broken_kafka_address_says_what_to_write(url: str) -> None:
    with pytest.raises(StreamAddressError, match="kafka://host:port") as told:
        open_stream(url, database_url=DATABASE, client_id="test")
    assert "pass" not in str(told.value)


def test_an_unknown_scheme_says_what_to_write() -> None:
    with pytest.raises(StreamAddressError, match=r"'redis'.*kafka://host:port"):
        open_stream("redis://:s3cret@broker", database_url=DATABASE, client_id="test")


def test_no_address_at_all() -> None:
    with pytest.raises(StreamAddressError, match="no database address"):
        open_stream(None, database_url=None, client_id="test")


def test_the_database_is_named_without_its_password() -> None:
    options = PostgresOptions(dsn=DATABASE, client_id="test")
    assert options.address == "the log in postgresql://db.example:5432/leadpact"
    assert "s3cret" not in repr(options)
    socket = PostgresOptions(dsn="postgresql://postgres@/leadpact?host=/run/pg", client_id="test")
    assert socket.address == "the log in postgresql:///run/pg/leadpact"
