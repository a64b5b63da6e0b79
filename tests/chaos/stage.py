"""Engines as real processes behind proxies, on a real broker (or the log in PostgreSQL) and a durable PostgreSQL."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from shared.streams.connect import open_stream
from shared.streams.port import Stream
from tests.support.deployment import ServiceProcess, free_port
from tests.support.kafka_broker import KafkaBroker, KafkaUnavailable, breakable_broker, unavailable
from tests.support.postgres_server import BreakablePostgres
from tests.support.tcp_proxy import TcpProxy

PARTITIONS = 6
BATCH_RECORDS = 20


@dataclass(frozen=True, kw_only=True)
class Lines:
    """One engine's ways to what it needs."""

    broker: TcpProxy
    database: TcpProxy


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything a run acts on. `stream` and `database.url` lead past the proxies. `broker` None: the log is in
    PostgreSQL.
    """

    engines: list[ServiceProcess]
    lines: list[Lines]
    """Of each engine."""
    database: BreakablePostgres
    broker: KafkaBroker | None
    stream: Stream

    async def start(self, count: int) -> None:
        """Start the first `count` engines, and wait until they work."""
        for engine in self.engines[:count]:
            await engine.start()
        await asyncio.gather(*(engine.ready() for engine in self.engines[:count]))


@contextlib.asynccontextmanager
async def open_stage(
    folder: Path,
    database: BreakablePostgres,
    *,
    agreement: str,
    engines: int,
    kafka: bool = True,
    batch_records: int = BATCH_RECORDS,
) -> AsyncIterator[Stage]:
    """A stage with engines that are not started yet."""
    (folder / "agreement.json").write_text(agreement, encoding="utf-8")
    async with contextlib.AsyncExitStack() as stack:
        lines = [
            Lines(
                broker=await stack.enter_async_context(TcpProxy()),
                database=await stack.enter_async_context(TcpProxy(_socket(database.url))),
            )
            for _ in range(engines)
        ]
        broker = stack.enter_context(_running_broker([each.broker for each in lines])) if kafka else None
        url = f"kafka://{broker.bootstrap}" if broker is not None else None
        stream = await stack.enter_async_context(open_stream(url, database_url=database.url, client_id="chaos"))
        processes = [
            _engine(
                number,
                {
                    **_environment(folder, database.url, line, kafka=kafka),
                    "LEADPACT_ENGINE_BATCH_RECORDS": str(batch_records),
                },
                folder,
            )
            for number, line in enumerate(lines)
        ]
        stack.push_async_callback(_end, processes)
        yield Stage(engines=processes, lines=lines, database=database, broker=broker, stream=stream)


def _environment(folder: Path, database_url: str, line: Lines, *, kafka: bool) -> Mapping[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("LEADPACT_")},
        "LEADPACT_LOG_FORMAT": "console",
        "LEADPACT_STREAM_PARTITIONS": str(PARTITIONS),
        "LEADPACT_ENGINE_AGREEMENT": str(folder / "agreement.json"),
        "LEADPACT_DATABASE_URL": _through(database_url, line.database.port),
        **({"LEADPACT_STREAM_URL": f"kafka://127.0.0.1:{line.broker.port}"} if kafka else {}),
    }


def _engine(number: int, environment: Mapping[str, str], folder: Path) -> ServiceProcess:
    return ServiceProcess(
        "sla-engine", port=free_port(), environment=environment, directory=folder, label=f"engine-{number}"
    )


async def _end(processes: list[ServiceProcess]) -> None:
    for process in processes:
        if process.alive:
            await process.kill()


@contextlib.contextmanager
def _running_broker(proxies: Sequence[TcpProxy]) -> Iterator[KafkaBroker]:
    try:
        with breakable_broker(behind=[proxy.port for proxy in proxies]) as broker:
            for proxy, port in zip(proxies, broker.proxied_ports, strict=True):
                proxy.target = ("127.0.0.1", port)
            broker.start()
            yield broker
    except KafkaUnavailable as reason:
        unavailable(reason)


def _socket(url: str) -> Path:
    """The embedded server's Unix socket."""
    said = parse_qs(urlsplit(url).query)
    return Path(said["host"][0]) / f".s.PGSQL.{said['port'][0]}"


def _through(url: str, port: int) -> str:
    parts = urlsplit(url)
    return f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}?sslmode=disable"
