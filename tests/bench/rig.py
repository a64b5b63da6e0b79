"""What every benchmark of the engine stands on: a durable PostgreSQL, a real stream, and the processor time of both."""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg

from shared.embedded.postmaster import processes
from shared.streams.connect import open_stream
from shared.streams.port import Stream
from tests.support.kafka_broker import Broker, KafkaUnavailable, any_broker
from tests.support.postgres_server import BreakablePostgres, make_open_folder, remove_run_folder

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A stream on Kafka where a broker can be had, else the log in PostgreSQL; and a durable database."""

    stream: Stream
    stream_url: str | None
    database_url: str
    name: str
    database_data: Path
    broker_pid: int | None

    def database_cpu_seconds(self) -> float:
        """Processor time of the server and of all its sessions, also of those that have ended."""
        return sum(map(cpu_seconds, processes(self.database_data)))

    def broker_cpu_seconds(self) -> float:
        """Processor time of the broker, where it is a process of this machine's."""
        return 0.0 if self.broker_pid is None else cpu_seconds(self.broker_pid)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, and of those of its children that have ended; of one that is gone, none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def memory_bytes(pid: int | str = "self") -> int:
    """Resident memory that is the process's own."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found.group(1)) * 1024


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a stretch of work took; all in seconds."""

    wall: float
    own: float
    database: float
    broker: float

    def an_event(self, events: int) -> "Cost":
        """Microseconds an event."""
        part = 1e6 / events
        return replace(
            self,
            wall=self.wall * part,
            own=self.own * part,
            database=self.database * part,
            broker=self.broker * part,
        )


@contextlib.contextmanager
def measuring(rig: Rig, pids: Collection[int] = ()) -> Iterator[list[Cost]]:
    """What the block costs stands in the list once it has ended. `pids` are the processes measured; none: this one."""
    costs: list[Cost] = []
    before = _now(rig, pids)
    yield costs
    took = [end - start for start, end in zip(before, _now(rig, pids), strict=True)]
    costs.append(Cost(wall=took[0], own=took[1], database=took[2], broker=took[3]))


def _now(rig: Rig, pids: Collection[int]) -> tuple[float, float, float, float]:
    own = sum(map(cpu_seconds, pids)) if pids else time.process_time()
    return time.perf_counter(), own, rig.database_cpu_seconds(), rig.broker_cpu_seconds()


@contextlib.asynccontextmanager
async def opened(*, client_id: str = "bench") -> AsyncIterator[Rig]:
    """Everything new and empty; gone at the end."""
    folder = make_open_folder("leadpact-bench-")
    server = BreakablePostgres(folder)
    await server.start()
    try:
        await _note_commits(server)
        with contextlib.ExitStack() as stack:
            name, address, broker_pid = "Apache Kafka", None, None
            try:
                broker = await asyncio.to_thread(stack.enter_context, any_broker())
                address, broker_pid = f"kafka://{broker.bootstrap}", _pid(broker)
            except KafkaUnavailable as reason:
                name = f"the log in PostgreSQL (no Kafka: {reason})"
            async with open_stream(address, database_url=server.url, client_id=client_id) as stream:
                yield Rig(
                    stream=stream,
                    stream_url=address,
                    database_url=server.url,
                    name=name,
                    database_data=await _data_of(server.url),
                    broker_pid=broker_pid,
                )
    finally:
        await server.kill()
        remove_run_folder(folder)


async def _note_commits(server: BreakablePostgres) -> None:
    """Let the server remember when each transaction was committed: by that lateness is told exactly."""
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    finally:
        await connection.close()
    await server.restart()


async def _data_of(url: str) -> Path:
    connection = await asyncpg.connect(url)
    try:
        return Path(await connection.fetchval("SHOW data_directory"))
    finally:
        await connection.close()


def _pid(broker: Broker) -> int | None:
    started = getattr(broker, "_process", None)  # a broker on this machine's Java; others have none
    return None if started is None else int(started.pid)
