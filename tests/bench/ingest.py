"""Webhooks acknowledged by the stream: ingest's receiving against a bare ASGI app that does the same append.

`python -m tests.bench.ingest` prints a table. Both servers run side by side on one broker and are loaded in turn, round
by round, so that what else the machine does falls on both; the figure is the median of the rounds' ratios.
"""

import contextlib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tests.bench.ingest_load import Load
from tests.support.kafka_broker import KafkaUnavailable, any_broker, free_port
from tests.support.postgres_server import BreakablePostgres, make_open_folder, remove_run_folder

ROUNDS = 5
ROUND_SECONDS = 4.0
CONNECTIONS = 64
AIM = 0.70
SERVERS = ("bare", "receive")


class Server:
    """One of the two server processes."""

    def __init__(self, which: str, stream_url: str, database_url: str) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.ingest_servers", which, str(self.port), stream_url, database_url]
        )

    def cpu_seconds(self) -> float:
        """Processor time used so far (Linux)."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def stop(self) -> None:
        """SIGTERM; a server that failed fails the benchmark."""
        self._process.terminate()
        assert self._process.wait(timeout=15) == 0


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One server's figures in one round."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_micros: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The rounds on one engine. `ratio`: requests a second, ours to the bare app's, median of the rounds."""

    engine: str
    ratio: float
    bare: Sequence[Round]
    ours: Sequence[Round]


def measure(*, rounds: int = ROUNDS, seconds: float = ROUND_SECONDS) -> list[Result]:
    """Measure on every engine that can be had."""
    results = []
    for engine, opening in (("Apache Kafka", _kafka), ("PostgreSQL log", _postgres)):
        try:
            with opening() as (stream_url, database_url):
                results.append(_compare(engine, stream_url, database_url, rounds=rounds, seconds=seconds))
        except KafkaUnavailable as reason:
            print(f"{engine}: {reason}")
    return results


def _compare(engine: str, stream_url: str, database_url: str, *, rounds: int, seconds: float) -> Result:
    servers = {which: Server(which, stream_url, database_url) for which in SERVERS}
    found: dict[str, list[Round]] = {which: [] for which in SERVERS}
    try:
        for which in SERVERS:
            _warm_up(servers[which])
        for number in range(rounds):
            # The order changes, so that neither always comes second.
            for which in SERVERS if number % 2 else reversed(SERVERS):
                found[which].append(_round(servers[which], seconds))
    finally:
        for server in servers.values():
            server.stop()
    ratios = [ours.per_second / bare.per_second for ours, bare in zip(found["receive"], found["bare"], strict=True)]
    return Result(engine=engine, ratio=statistics.median(ratios), bare=found["bare"], ours=found["receive"])


def _round(server: Server, seconds: float) -> Round:
    before = server.cpu_seconds()
    load = _load(server.port, seconds)
    cpu = server.cpu_seconds() - before
    assert not load.refused, f"{load.refused} requests were refused"
    return Round(
        per_second=load.answered / load.seconds,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        cpu_micros=cpu / load.answered * 1e6,
    )


def _load(port: int, seconds: float) -> Load:
    command = [sys.executable, "-m", "tests.bench.ingest_load", str(port), str(seconds), str(CONNECTIONS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=seconds + 30)
    return msgspec.json.decode(done.stdout, type=Load)


def _warm_up(server: Server) -> None:
    deadline = time.monotonic() + 30
    while True:
        assert time.monotonic() < deadline, "the server does not answer"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=1):
            break
        time.sleep(0.1)
    _load(server.port, 2.0)


@contextlib.contextmanager
def _kafka() -> Iterator[tuple[str, str]]:
    with any_broker() as broker:
        yield f"kafka://{broker.bootstrap}", ""


@contextlib.contextmanager
def _postgres() -> Iterator[tuple[str, str]]:
    import asyncio  # noqa: PLC0415 - only to start and stop a server whose support is asynchronous

    folder = make_open_folder("leadpact-bench-")
    server = BreakablePostgres(folder)
    try:
        asyncio.run(server.start())
        yield "", server.url
    finally:
        asyncio.run(server.kill())
        remove_run_folder(folder)


def _print(result: Result) -> None:
    met = "met" if result.ratio >= AIM else "NOT met"
    print(f"{result.engine}: {result.ratio:.0%} of the bare app's requests a second (aim {AIM:.0%}: {met})")
    for name, rounds in (("bare app", result.bare), ("ingest", result.ours)):
        rate, p50, p99, cpu = (
            statistics.median(getattr(one, field) for one in rounds)
            for field in ("per_second", "p50_ms", "p99_ms", "cpu_micros")
        )
        print(f"  {name:<9} {rate:>8,.0f} requests/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   {cpu:5.0f} µs CPU each")


def main() -> None:
    """Print the table."""
    print(f"{CONNECTIONS} connections, {ROUNDS} rounds of {ROUND_SECONDS:g} s each, one load process; medians")
    for result in measure():
        _print(result)


if __name__ == "__main__":
    main()
