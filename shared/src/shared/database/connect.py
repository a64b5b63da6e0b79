"""Connections: a pool of asyncpg for the batch path, an engine of SQLAlchemy for ordinary queries.

Both read the same URL in the same way, a unix socket's (`postgresql://user@/name?host=/folder`) included.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from shared.database.address import driver_url, place_of
from shared.database.errors import DatabaseUnavailable, database_errors
from shared.logs import get_logger

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

logger = get_logger(__name__)

T = TypeVar("T")

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 60.0
IDLE_TRANSACTION_SECONDS = 60.0
WAIT_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
SESSION = {
    "timezone": "UTC",
    # Compiling pays for reports over millions of rows; for a batch of a thousand it costs more than it saves.
    "jit": "off",
    # A process that is stopped or cut off in the middle must not hold its rows for ever.
    "idle_in_transaction_session_timeout": str(round(IDLE_TRANSACTION_SECONDS * 1000)),
}
"""Settings of every session."""


@contextlib.asynccontextmanager
async def open_pool(
    url: str,
    *,
    application_name: str,
    min_size: int = 1,
    max_size: int = 10,
    wait_seconds: float = WAIT_SECONDS,
    command_timeout_seconds: float = COMMAND_SECONDS,
    idle_transaction_seconds: float = IDLE_TRANSACTION_SECONDS,
) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """A pool of connections; waits up to `wait_seconds` for a server that is not there yet.

    `application_name` shows in pg_stat_activity. A transaction in which nothing happens for `idle_transaction_seconds`
    is ended by the server, and with it what it holds locked. Raises `DatabaseUnavailable` or `DatabaseRefused`.
    """
    address = driver_url(url)

    async def connect() -> "asyncpg.Pool[asyncpg.Record]":
        return await asyncpg.create_pool(
            address,
            min_size=min_size,
            max_size=max_size,
            timeout=CONNECT_SECONDS,
            command_timeout=command_timeout_seconds,
            server_settings={
                **SESSION,
                "idle_in_transaction_session_timeout": str(round(idle_transaction_seconds * 1000)),
                "application_name": application_name,
            },
        )

    pool = await _patiently(url, connect, wait_seconds=wait_seconds)
    try:
        yield pool
    finally:
        await _close(pool)


@contextlib.asynccontextmanager
async def open_engine(
    url: str,
    *,
    application_name: str,
    pool_size: int = 5,
    wait_seconds: float = WAIT_SECONDS,
    command_timeout_seconds: float = COMMAND_SECONDS,
) -> AsyncIterator["AsyncEngine"]:
    """An engine for SQLAlchemy Core; waits, and raises, as `open_pool` does."""
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - it takes a sixth of a second to import

    address = driver_url(url)

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            address,
            timeout=CONNECT_SECONDS,
            command_timeout=command_timeout_seconds,
            server_settings={**SESSION, "application_name": application_name},
        )

    # SQLAlchemy's own reading of the URL would refuse what asyncpg and every other tool accept (sslmode).
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_size=pool_size, max_overflow=0, pool_pre_ping=True
    )

    async def probe() -> None:
        async with engine.connect():
            pass

    try:
        await _patiently(url, probe, wait_seconds=wait_seconds)
        yield engine
    finally:
        await engine.dispose()


async def _patiently(url: str, attempt: Callable[[], Awaitable[T]], *, wait_seconds: float) -> T:
    """Try until it works or `wait_seconds` have passed; at least once."""
    deadline = time.monotonic() + wait_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            with database_errors(url):
                return await attempt()
        except DatabaseUnavailable as error:
            if time.monotonic() + pause > deadline:
                raise
            logger.warning("database_awaited", place=place_of(url), reason=str(error.__cause__))
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _close(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Wait a little for connections in use, then cut: a server that hangs must not hold the stop."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS / 2):
            await pool.close()
    except TimeoutError:
        pool.terminate()
