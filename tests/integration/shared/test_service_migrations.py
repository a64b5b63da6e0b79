"""The migrations of services that keep no SQLAlchemy tables hold what all migrations hold."""

import pytest

from ingest.adapters.schema import MIGRATIONS as INGEST
from sla_engine.adapters.schema import MIGRATIONS as SLA_ENGINE
from tests.integration.shared.migrations_suite import MigrationsSuite

pytestmark = pytest.mark.postgres


class TestIngest(MigrationsSuite):
    source = INGEST


class TestSlaEngine(MigrationsSuite):
    source = SLA_ENGINE
