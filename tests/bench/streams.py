"""Append and fetch throughput of both adapters, on a broker and a database of this run's own.

`python -m tests.bench.streams` prints a table. What stands in for a broker or database that can't be had is its reason.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence

from shared.streams.connect import open_stream
from shared.streams.port import Fetch, Record, Stream
from tests.support.kafka_broker import KafkaUnavailable, any_broker
from tests.support.postgres_server import BreakablePostgres, make_open_folder, remove_run_folder

PARTITIONS = 4
VALUE = b"x" * 400
"""About the size of a lead event."""
HEADERS = (("ce_id", b"0" * 36), ("ce_type", b"lead.stage_changed"), ("ce_time", b"2026-01-05T12:00:00Z"))
BATCHES = 40
BATCH_RECORDS = 1_000
SINGLES = 20_000
FETCH_RECORDS = 2_000


class Everything:
    """Owns all partitions and reads them from the earliest."""

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """From the earliest."""
        del partitions
        return {}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Nothing is kept."""


def record(number: int) -> Record:
    """A record like a lead event, keyed by lead."""
    return Record(key=b"lead-%d" % (number % 1_000), value=VALUE, headers=HEADERS)


async def append_batches(stream: Stream, topic: str) -> float:
    """Records a second, appended in batches one after the other, as the relay does."""
    batches = [[record(b * BATCH_RECORDS + n) for n in range(BATCH_RECORDS)] for b in range(BATCHES)]
    began = time.perf_counter()
    for batch in batches:
        await stream.append(topic, batch)
    return BATCHES * BATCH_RECORDS / (time.perf_counter() - began)


async def append_singles(stream: Stream, topic: str, *, callers: int) -> tuple[float, float]:
    """Records a second, appended one by one by so many callers at once, as webhooks are; and their p99 in ms."""
    waits: list[float] = []
    records = [record(n) for n in range(SINGLES)]

    async def call(mine: Sequence[Record]) -> None:
        for one in mine:
            asked = time.perf_counter()
            await stream.append(topic, [one])
            waits.append(time.perf_counter() - asked)

    began = time.perf_counter()
    await asyncio.gather(*(call(records[caller::callers]) for caller in range(callers)))
    rate = SINGLES / (time.perf_counter() - began)
    return rate, sorted(waits)[int(len(waits) * 0.99)] * 1000


async def fetch_all(stream: Stream, topic: str) -> tuple[float, float]:
    """Records a second of wall time, and of this process's CPU, once the first ones are there."""
    expected = sum((await stream.end_offsets(topic)).values())
    async with stream.subscribe(topic, group=f"{topic}.bench", listener=Everything()) as subscription:
        got = 0
        while not got:
            got = _count(await subscription.fetch(max_records=FETCH_RECORDS, timeout_seconds=1))
        first, began, cpu = got, time.perf_counter(), time.process_time()
        while got < expected:
            got += _count(await subscription.fetch(max_records=FETCH_RECORDS, timeout_seconds=1))
        return (got - first) / (time.perf_counter() - began), (got - first) / (time.process_time() - cpu)


def _count(fetched: Sequence[Fetch]) -> int:
    return sum(len(fetch.records) for fetch in fetched)


async def measure(stream: Stream) -> list[str]:
    """One column of the table."""
    for topic in ("bench.batches", "bench.singles"):
        await stream.ensure_topic(topic, partitions=PARTITIONS)
    batches = await append_batches(stream, "bench.batches")
    few, few_p99 = await append_singles(stream, "bench.singles", callers=32)
    many, many_p99 = await append_singles(stream, "bench.singles", callers=256)
    wall, cpu = await fetch_all(stream, "bench.singles")
    return [
        f"{batches:,.0f}/s",
        f"{few:,.0f}/s, p99 {few_p99:.1f} ms",
        f"{many:,.0f}/s, p99 {many_p99:.1f} ms",
        f"{wall:,.0f}/s",
        f"{cpu:,.0f} a CPU-second",
    ]


@contextlib.asynccontextmanager
async def own_database() -> AsyncIterator[str]:
    """A durable PostgreSQL of this run's own: a commit waits for the disk, as in production."""
    folder = make_open_folder("leadpact-bench-")
    server = BreakablePostgres(folder)
    await server.start()
    try:
        yield server.url
    finally:
        await server.kill()
        remove_run_folder(folder)


async def measure_postgres() -> list[str]:
    """The log in PostgreSQL."""
    async with own_database() as url, open_stream(None, database_url=url, client_id="bench") as stream:
        return await measure(stream)


async def measure_kafka() -> list[str]:
    """Apache Kafka."""
    try:
        with any_broker() as broker:
            async with open_stream(f"kafka://{broker.bootstrap}", database_url=None, client_id="bench") as stream:
                return await measure(stream)
    except KafkaUnavailable as reason:
        return [f"not measured: {reason}"] + [""] * 4


def main() -> None:
    """Print the table."""
    rows = [
        f"append, batches of {BATCH_RECORDS:,}",
        "append one by one, 32 callers",
        "append one by one, 256 callers",
        f"fetch, up to {FETCH_RECORDS:,} at a time",
        "fetch, reader's own CPU",
    ]
    kafka, postgres = asyncio.run(measure_kafka()), asyncio.run(measure_postgres())
    print(f"{os.cpu_count()} cores; records of {len(VALUE)} bytes with {len(HEADERS)} headers, {PARTITIONS} partitions")
    print(f"{'':32}{'Kafka':>30}{'PostgreSQL':>30}")
    for name, left, right in zip(rows, kafka, postgres, strict=True):
        print(f"{name:32}{left:>30}{right:>30}")


if __name__ == "__main__":
    main()
