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

Alembic takes a third of a second to import, and a process that is started again has seldom anything to migrate: it is
imported once something is to be done.
"""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from shared.database.connect import open_pool
from shared.database.errors import database_errors
from shared.logs import get_logger

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

logger = get_logger(__name__)

VERSION_TABLE = "alembic_version"
_REVISION = re.compile(r"""^(revision|down_revision)(?:: [^=]+)? = (?:None|["']([^"']+)["'])""", re.MULTILINE)


class MigrationError(Exception):
    """The schema can't be brought to the wanted revision; the text says why, and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationSource:
    """A service's schema, and the package below which `versions` holds its revisions."""

    schema: str
    package: str

    def scripts(self) -> "ScriptDirectory":
        """The revisions, found in the package: from a checkout and from an installed wheel alike."""
        from alembic.script import ScriptDirectory  # noqa: PLC0415 - see the module

        folder = self.folder()
        return ScriptDirectory(folder, version_locations=[folder / "versions"])

    def newest(self) -> str | None:
        """The last revision, as the files alone tell it; None: they don't tell."""
        texts = [path.read_text(encoding="utf-8") for path in (self.folder() / "versions").glob("[!_]*.py")]
        told = [dict(_REVISION.findall(text)) for text in texts]
        revisions = {each.get("revision") for each in told} - {each.get("down_revision") for each in told}
        return revisions.pop() if len(revisions) == 1 else None

    def folder(self) -> Path:
        """Where the package lies."""
        found = importlib.util.find_spec(self.package)
        if found is None or not found.submodule_search_locations:
            raise MigrationError(f"the package {self.package} with the migrations of '{self.schema}' is not installed")
        return Path(found.submodule_search_locations[0])

    def revisions(self) -> list[str]:
        """All revisions, oldest first."""
        return [script.revision for script in reversed(list(self.scripts().walk_revisions()))]


async def upgrade(url: str, source: MigrationSource, revision: str = "head") -> list[str]:
    """Bring the schema up to `revision`; returns the revisions applied, oldest first.

    Any number of replicas may call it at once: one works, the others wait and find nothing to do. Raises
    `MigrationError`, `DatabaseUnavailable` or `DatabaseRefused`.
    """
    if revision == "head" and await _is_newest(url, source):
        return []
    from shared.database.migrating import run, upgrade_to  # noqa: PLC0415 - see the module

    applied = await run(url, lambda connection: upgrade_to(connection, source, revision))
    for name in applied:
        logger.info("migration_applied", schema=source.schema, revision=name)
    return applied


async def current(url: str, source: MigrationSource) -> str | None:
    """The revision that the schema has; None: it has none yet."""
    from shared.database.migrating import current_of, run  # noqa: PLC0415 - see the module

    return await run(url, lambda connection: current_of(connection, source))


async def pending(url: str, source: MigrationSource) -> list[str]:
    """The revisions that the schema still lacks, oldest first. Raises as `upgrade` does."""
    if await _is_newest(url, source):
        return []
    from shared.database.migrating import pending_of, run  # noqa: PLC0415 - see the module

    return await run(url, lambda connection: pending_of(connection, source, source.scripts()))


async def _is_newest(url: str, source: MigrationSource) -> bool:
    """Whether the schema is surely at the last revision. Raises `DatabaseUnavailable` or `DatabaseRefused`."""
    newest = source.newest()
    if newest is None:
        return False
    async with open_pool(url, application_name="leadpact-migrations", max_size=1) as pool:
        with database_errors(url):
            try:
                rows = await pool.fetch(f'SELECT version_num FROM "{source.schema}".{VERSION_TABLE}')  # noqa: S608 - ours
            except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
                return False
    return [row["version_num"] for row in rows] == [newest]
