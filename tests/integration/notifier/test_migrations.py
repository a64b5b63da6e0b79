"""The notifier's migrations hold what all services' migrations hold."""

from notifier.adapters.schema import METADATA, MIGRATIONS
from tests.integration.shared.migrations_suite import MigrationsSuite


class TestMigrations(MigrationsSuite):
    """One revision so far."""

    source = MIGRATIONS
    metadata = METADATA
