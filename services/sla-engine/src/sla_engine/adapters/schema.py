"""The engine's schema and where its revisions lie."""

from shared.database.migrations import MigrationSource

SCHEMA = "sla_engine"
MIGRATIONS = MigrationSource(schema=SCHEMA, package="sla_engine.adapters.migrations")
