"""What a start must not wait for: libraries that only migrations need are imported once something is to migrate."""

import subprocess
import sys

import pytest

from ingest.adapters.schema import MIGRATIONS as INGEST
from notifier.adapters.schema import MIGRATIONS as NOTIFIER
from shared.database.migrations import MigrationSource
from sla_engine.adapters.schema import MIGRATIONS as SLA_ENGINE


def test_the_engine_starts_without_alembic_and_sqlalchemy() -> None:
    script = "import sla_engine.main, sys; print(*sorted({'alembic', 'sqlalchemy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("source", [INGEST, NOTIFIER, SLA_ENGINE], ids=lambda source: source.schema)
def test_the_files_alone_tell_the_last_revision(source: MigrationSource) -> None:
    assert source.newest() == source.revisions()[-1]
