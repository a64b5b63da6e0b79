"""Services migrate their own schema: the suite on an invented service, and what the suite can't show there."""

import importlib
import subprocess
import sys
import zipfile
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import Column, MetaData, Table, Text

from shared.database import DatabaseUnavailable, open_pool
from shared.database.migrations import MigrationError, MigrationSource, pending, upgrade
from tests.integration.shared.migrations_suite import MigrationsSuite

pytestmark = pytest.mark.postgres

PACKAGE = "tests.integration.shared.sample_migrations"
SOURCE = MigrationSource(schema="sample", package=PACKAGE)
METADATA = MetaData(schema="sample")
LETTERS = Table(
    "letters", METADATA, Column("letter", Text, primary_key=True), Column("upper_case", Text, nullable=False)
)


class TestSampleMigrations(MigrationsSuite):
    source = SOURCE
    metadata = METADATA
    data_before_last = ("INSERT INTO sample.letters VALUES ('a'), ('b')",)

    async def check_data(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        found = await connection.fetch("SELECT letter, upper_case FROM sample.letters ORDER BY letter")
        assert [tuple(row) for row in found] == [("a", "A"), ("b", "B")]


class TestTheSuiteItself:
    async def test_it_notices_a_table_that_no_revision_makes(self, database_url: str) -> None:
        forgetful = MetaData(schema="sample")
        Table(
            "letters", forgetful, Column("letter", Text, primary_key=True), Column("upper_case", Text, nullable=False)
        )
        Table("forgotten", forgetful, Column("x", Text, primary_key=True))

        class Forgetful(TestSampleMigrations):
            metadata = forgetful

        with pytest.raises(AssertionError, match="forgotten"):
            await Forgetful().test_the_migrated_schema_is_what_the_tables_say(database_url)


async def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    await upgrade(database_url, SOURCE)
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE sample.alembic_version SET version_num = '0099'")
    await connection.close()
    with pytest.raises(MigrationError, match=r"'sample' is at revision 0099.*newer"):
        await upgrade(database_url, SOURCE)


async def test_a_revision_that_fails_leaves_the_one_before(database_url: str) -> None:
    await upgrade(database_url, SOURCE, "0001")
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("ALTER TABLE sample.letters ADD COLUMN upper_case text")  # in the way of 0002
        with pytest.raises(Exception, match="upper_case"):
            await upgrade(database_url, SOURCE)
        assert await pending(database_url, SOURCE) == ["0002"]
        await connection.execute("ALTER TABLE sample.letters DROP COLUMN upper_case")
        assert await upgrade(database_url, SOURCE) == ["0002"]
    finally:
        await connection.close()


async def test_two_services_keep_apart(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_package(tmp_path / "other_service", schema="other")
    monkeypatch.syspath_prepend(str(tmp_path))
    other = MigrationSource(schema="other", package="other_service")
    await upgrade(database_url, SOURCE)
    assert await upgrade(database_url, other) == ["0001"]
    assert await pending(database_url, SOURCE) == []


def test_an_unknown_package_is_named() -> None:
    with pytest.raises(MigrationError, match="no_such_service"):
        MigrationSource(schema="x", package="no_such_service").revisions()


async def test_a_server_that_is_not_there_is_named_without_the_password(unused_tcp_port: int) -> None:
    url = f"postgresql://somebody:secret@127.0.0.1:{unused_tcp_port}/leads"
    with pytest.raises(DatabaseUnavailable, match=f"127.0.0.1:{unused_tcp_port}, database 'leads'") as caught:
        async with open_pool(url, application_name="test", wait_seconds=0):
            pass
    assert "secret" not in str(caught.value)


def test_revisions_are_found_in_an_installed_wheel(tmp_path: Path) -> None:
    _write_package(tmp_path / "source" / "wheeled", schema="wheeled")
    wheel = tmp_path / "wheeled.zip"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in (tmp_path / "source").rglob("*.py"):
            archive.write(path, path.relative_to(tmp_path / "source"))
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    code = (
        "from shared.database.migrations import MigrationSource;"
        "print(MigrationSource(schema='wheeled', package='wheeled').revisions())"
    )
    done = subprocess.run(
        (sys.executable, "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {code}"),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.strip() == "['0001']"


def _write_package(folder: Path, *, schema: str) -> None:
    versions = folder / "versions"
    versions.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (versions / "__init__.py").touch()
    (versions / "r0001_first.py").write_text(
        "from alembic import op\nrevision = '0001'\ndown_revision = None\n"
        f"def upgrade() -> None:\n    op.execute('CREATE TABLE {schema}.things (thing int PRIMARY KEY)')\n"
    )
    importlib.invalidate_caches()
