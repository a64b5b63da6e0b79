"""Connections to a real PostgreSQL: patient at start, clear when refused, alike for both drivers."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text

from shared.database import DatabaseRefused, DatabaseUnavailable, database_errors, open_engine, open_pool
from tests.support.postgres_server import BreakablePostgres

pytestmark = pytest.mark.postgres

SHOWN = "SELECT current_setting('application_name'), current_setting('timezone'), current_setting('jit')"


async def test_pool_and_engine_open_the_same_session(database_url: str) -> None:
    async with open_pool(database_url, application_name="mine") as pool:
        by_pool = tuple(await pool.fetchrow(SHOWN) or ())
    async with open_engine(database_url, application_name="mine") as engine, engine.connect() as connection:
        by_engine = tuple((await connection.execute(text(SHOWN))).one())
    assert by_pool == by_engine == ("mine", "UTC", "off")


async def test_sqlalchemys_spelling_of_the_url_is_understood(database_url: str) -> None:
    spelled = database_url.replace("postgresql://", "postgresql+asyncpg://")
    async with open_pool(spelled, application_name="test") as pool:
        assert await pool.fetchval("SELECT 1") == 1
    async with open_engine(spelled, application_name="test") as engine, engine.connect() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_a_database_that_does_not_exist_is_refused_at_once(database_url: str) -> None:
    absent = urlunsplit(urlsplit(database_url)._replace(path="/no_such_database"))
    with pytest.raises(DatabaseRefused, match='database "no_such_database" does not exist'):
        async with open_pool(absent, application_name="test", wait_seconds=60):
            pass
    with pytest.raises(DatabaseRefused, match='database "no_such_database" does not exist'):
        async with open_engine(absent, application_name="test", wait_seconds=60):
            pass


async def test_a_server_that_comes_later_is_waited_for(breakable_postgres: BreakablePostgres) -> None:
    await breakable_postgres.stop()

    async def use() -> object:
        async with open_pool(breakable_postgres.url, application_name="test", wait_seconds=60) as pool:
            return await pool.fetchval("SELECT 'there'")

    waiting = asyncio.create_task(use())
    async with asyncio.timeout(30):
        await breakable_postgres.start()
        assert await waiting == "there"


async def test_a_server_that_goes_away_is_unavailable_and_then_there_again(
    breakable_postgres: BreakablePostgres,
) -> None:
    url = breakable_postgres.url
    async with (
        open_pool(url, application_name="test") as pool,
        open_engine(url, application_name="test") as engine,
    ):
        await breakable_postgres.kill()
        with pytest.raises(DatabaseUnavailable, match="database 'leadpact' can't be reached"), database_errors(url):
            await pool.fetchval("SELECT 1")
        with pytest.raises(DatabaseUnavailable, match="database 'leadpact' can't be reached"), database_errors(url):
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        await breakable_postgres.start()
        assert await pool.fetchval("SELECT 1") == 1
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_a_transaction_that_a_connection_was_cut_in_is_unavailable(breakable_postgres: BreakablePostgres) -> None:
    url = breakable_postgres.url
    async with open_pool(url, application_name="test") as pool:

        async def work() -> None:
            with database_errors(url):
                async with pool.acquire() as connection, connection.transaction():
                    await breakable_postgres.kill()
                    await connection.execute("SELECT 1")

        with pytest.raises(DatabaseUnavailable):
            await work()


async def test_who_stops_in_the_middle_of_a_transaction_holds_its_rows_for_a_while_only(database_url: str) -> None:
    """As a process that is frozen, or cut off from the database without a word."""
    async with (
        open_pool(database_url, application_name="frozen", idle_transaction_seconds=0.5) as frozen,
        open_pool(database_url, application_name="heir") as heir,
    ):
        await heir.execute("CREATE TABLE held (id int PRIMARY KEY)")
        await heir.execute("INSERT INTO held VALUES (1)")
        connection = await frozen.acquire()
        try:
            await connection.execute("BEGIN")
            await connection.execute("UPDATE held SET id = 1")
            await asyncio.wait_for(heir.execute("UPDATE held SET id = 2"), 20)
            with pytest.raises(DatabaseUnavailable), database_errors(database_url):
                await connection.execute("COMMIT")
        finally:
            await frozen.release(connection)
        assert await heir.fetchval("SELECT id FROM held") == 2
