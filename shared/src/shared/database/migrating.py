"""The part of migrations that needs Alembic; see `shared.database.migrations`, which imports it where it must."""

from collections.abc import Callable
from typing import Any, TypeVar

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from shared.database.connect import open_engine
from shared.database.errors import database_errors
from shared.database.migrations import VERSION_TABLE, MigrationError, MigrationSource

T = TypeVar("T")

MIGRATION_SECONDS = 3600.0
"""How long one statement of a migration, or the wait for another replica's, may take."""


async def run(url: str, work: Callable[[Connection], T]) -> T:
    """Do the work on a connection of Alembic's kind."""
    async with open_engine(
        url, application_name="leadpact-migrations", pool_size=1, command_timeout_seconds=MIGRATION_SECONDS
    ) as engine:
        with database_errors(url):
            async with engine.connect() as connection:
                try:
                    return await connection.run_sync(work)
                except CommandError as error:
                    raise MigrationError(str(error)) from error


def upgrade_to(connection: Connection, source: MigrationSource, revision: str) -> list[str]:
    # Of the session, not of a transaction: each revision commits by itself while the lock stays.
    key = {"key": f"leadpact.migrations.{source.schema}"}
    connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:key, 0))"), key)
    connection.commit()
    try:
        return _upgrade_alone(connection, source, revision)
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), key)
        connection.commit()


def _upgrade_alone(connection: Connection, source: MigrationSource, revision: str) -> list[str]:
    scripts = source.scripts()
    missing = pending_of(connection, source, scripts)
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{source.schema}"'))
    connection.commit()

    def steps(heads: Any, _context: MigrationContext) -> Any:  # noqa: ANN401 - Alembic's own loose types
        return scripts._upgrade_revs(revision, heads)  # noqa: SLF001 - what alembic.command.upgrade itself calls

    with EnvironmentContext(Config(), scripts, fn=steps, destination_rev=revision) as environment:
        environment.configure(
            connection=connection,
            version_table=VERSION_TABLE,
            version_table_schema=source.schema,
            transaction_per_migration=True,
        )
        with environment.begin_transaction():
            environment.run_migrations()
    left = set(pending_of(connection, source, scripts))
    return [name for name in missing if name not in left]


def current_of(connection: Connection, source: MigrationSource) -> str | None:
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE, "version_table_schema": source.schema}
    )
    found = context.get_current_revision()
    connection.rollback()
    return found


def pending_of(connection: Connection, source: MigrationSource, scripts: ScriptDirectory) -> list[str]:
    every = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    reached = current_of(connection, source)
    if reached is None:
        return every
    if reached not in every:
        raise MigrationError(
            f"the schema '{source.schema}' is at revision {reached}, which this version does not know: a newer one has "
            "run here. Run that or a later version, or restore the database from before."
        )
    return every[every.index(reached) + 1 :]
