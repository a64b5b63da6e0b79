"""Migrations: each service owns one schema and brings it up to date itself.

The pattern, for a service X:

    services/X/src/X/adapters/migrations/__init__.py            empty
    services/X/src/X/adapters/migrations/versions/__init__.py    empty
    services/X/src/X/adapters/migrations/versions/r0001_first.py

        revision = "0001"
        down_revision = None                # the one before

        def upgrade() -> None:
            op.create_table("leads", ..., schema="X")

and in X's adapters:

    MIGRATIONS = MigrationSource(schema="X", package="X.adapters.migrations")

    await upgrade(url, MIGRATIONS)

There is no env.py and no alembic.ini: what they would say stands here. A revision commits by itself. The schema and
its version table are made before the first one. Revisions only go forward: a fault is mended by the next one.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from shared.database.connect import open_engine
from shared.database.errors import database_errors
from shared.logs import get_logger

logger = get_logger(__name__)

T = TypeVar("T")

VERSION_TABLE = "alembic_version"
MIGRATION_SECONDS = 3600.0
"""How long one statement of a migration, or the wait for another replica's, may take."""


class MigrationError(Exception):
    """The schema can't be brought to the wanted revision; the text says why, and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationSource:
    """A service's schema, and the package below which `versions` holds its revisions."""

    schema: str
    package: str

    def scripts(self) -> ScriptDirectory:
        """The revisions, found in the package: from a checkout and from an installed wheel alike."""
        found = importlib.util.find_spec(self.package)
        if found is None or not found.submodule_search_locations:
            raise MigrationError(f"the package {self.package} with the migrations of '{self.schema}' is not installed")
        folder = Path(found.submodule_search_locations[0])
        return ScriptDirectory(folder, version_locations=[folder / "versions"])

    def revisions(self) -> list[str]:
        """All revisions, oldest first."""
        return [script.revision for script in reversed(list(self.scripts().walk_revisions()))]


async def upgrade(url: str, source: MigrationSource, revision: str = "head") -> list[str]:
    """Bring the schema up to `revision`; returns the revisions applied, oldest first.

    Any number of replicas may call it at once: one works, the others wait and find nothing to do. Raises
    `MigrationError`, `DatabaseUnavailable` or `DatabaseRefused`.
    """
    applied = await _run(url, lambda connection: _upgrade(connection, source, revision))
    for name in applied:
        logger.info("migration_applied", schema=source.schema, revision=name)
    return applied


async def current(url: str, source: MigrationSource) -> str | None:
    """The revision that the schema has; None: it has none yet."""
    return await _run(url, lambda connection: _current(connection, source))


async def pending(url: str, source: MigrationSource) -> list[str]:
    """The revisions that the schema still lacks, oldest first. Raises as `upgrade` does."""
    return await _run(url, lambda connection: _pending(connection, source, source.scripts()))


async def _run(url: str, work: Callable[[Connection], T]) -> T:
    async with open_engine(
        url, application_name="leadpact-migrations", pool_size=1, command_timeout_seconds=MIGRATION_SECONDS
    ) as engine:
        with database_errors(url):
            async with engine.connect() as connection:
                try:
                    return await connection.run_sync(work)
                except CommandError as error:
                    raise MigrationError(str(error)) from error


def _upgrade(connection: Connection, source: MigrationSource, revision: str) -> list[str]:
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
    missing = _pending(connection, source, scripts)
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
    left = set(_pending(connection, source, scripts))
    return [name for name in missing if name not in left]


def _current(connection: Connection, source: MigrationSource) -> str | None:
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE, "version_table_schema": source.schema}
    )
    found = context.get_current_revision()
    connection.rollback()
    return found


def _pending(connection: Connection, source: MigrationSource, scripts: ScriptDirectory) -> list[str]:
    every = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    reached = _current(connection, source)
    if reached is None:
        return every
    if reached not in every:
        raise MigrationError(
            f"the schema '{source.schema}' is at revision {reached}, which this version does not know: a newer one has "
            "run here. Run that or a later version, or restore the database from before."
        )
    return every[every.index(reached) + 1 :]
