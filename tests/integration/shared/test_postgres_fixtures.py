"""The fixtures that all tests stand on give a real PostgreSQL, and each test its own database."""

import asyncpg
import pytest

from tests.support.eventually import eventually
from tests.support.postgres_server import BreakablePostgres

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_an_empty_database(database_url: str, turn: int) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE TABLE mine (turn int)")  # fails in turn 2 if turn 1 left it
        assert await connection.fetchval("INSERT INTO mine VALUES ($1) RETURNING turn", turn) == turn
    finally:
        await connection.close()


async def test_a_killed_server_keeps_what_was_committed(breakable_postgres: BreakablePostgres) -> None:
    connection = await asyncpg.connect(breakable_postgres.url)
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    await breakable_postgres.kill()

    async def cut() -> bool:
        try:
            await connection.fetchval("SELECT 1")
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError):
            return True
        return False

    await eventually(cut, within_seconds=5, what="the connection is cut")
    await breakable_postgres.start()
    again = await asyncpg.connect(breakable_postgres.url)
    assert await again.fetchval("SELECT one FROM kept") == 1
    await again.close()
