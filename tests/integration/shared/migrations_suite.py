"""What holds for every service's migrations. A service subclasses the suite, in its own integration tests:

class TestMigrations(MigrationsSuite):
    source = MIGRATIONS
    metadata = METADATA
    data_before_last = ("INSERT INTO x.leads ...",)

    async def check_data(self, connection): ...
"""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from shared.database import open_engine
from shared.database.migrations import VERSION_TABLE, MigrationSource, current, pending, upgrade


class MigrationsSuite:
    """Run against an empty database for each test."""

    source: ClassVar[MigrationSource]
    metadata: ClassVar[MetaData | None] = None
    """The tables as SQLAlchemy knows them; None for a service that writes its SQL by hand."""
    data_before_last: ClassVar[Sequence[str]] = ()
    """Statements that store rows at the last revision but one; needed as soon as there are two revisions."""

    async def check_data(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Assert what became of `data_before_last` at the newest revision."""

    async def test_an_empty_database_comes_up_to_date(self, database_url: str) -> None:
        assert await current(database_url, self.source) is None
        assert await upgrade(database_url, self.source) == self.source.revisions()
        assert await pending(database_url, self.source) == []
        assert await current(database_url, self.source) == self.source.revisions()[-1]

    async def test_a_second_run_changes_nothing(self, database_url: str) -> None:
        await upgrade(database_url, self.source)
        assert await upgrade(database_url, self.source) == []

    async def test_stored_rows_survive_the_last_revision(self, database_url: str) -> None:
        *before, last = self.source.revisions()
        if not before:
            pytest.skip("there is one revision only: no rows can be older than it")
        assert self.data_before_last, "say in `data_before_last` which rows an installation may hold"
        await upgrade(database_url, self.source, before[-1])
        connection = await asyncpg.connect(database_url)
        try:
            for statement in self.data_before_last:
                await connection.execute(statement)
            assert await upgrade(database_url, self.source) == [last]
            await self.check_data(connection)
        finally:
            await connection.close()

    async def test_replicas_that_start_at_once_apply_each_revision_once(self, database_url: str) -> None:
        runs = await asyncio.gather(*(upgrade(database_url, self.source) for _ in range(3)))
        assert sorted(runs) == [[], [], self.source.revisions()]

    async def test_the_migrated_schema_is_what_the_tables_say(self, database_url: str) -> None:
        if self.metadata is None:
            pytest.skip(f"'{self.source.schema}' has no SQLAlchemy tables to compare with: its SQL is written by hand")
        await upgrade(database_url, self.source)
        async with open_engine(database_url, application_name="test") as engine, engine.connect() as connection:
            differences = await connection.run_sync(self._differences)
        assert not differences, f"the tables say what no revision makes, or the other way round: {differences}"

    def _differences(self, connection: Connection) -> Sequence[Any]:
        def ours(name: str | None, kind: str, _parents: object) -> bool:
            if kind == "schema":
                return name == self.source.schema
            return not (kind == "table" and name == VERSION_TABLE)

        context = MigrationContext.configure(
            connection, opts={"include_schemas": True, "include_name": ours, "compare_server_default": True}
        )
        assert self.metadata is not None
        return list(compare_metadata(context, self.metadata))
