"""Ingest's schema and where its revisions lie."""

from shared.database.migrations import MigrationSource

SCHEMA = "ingest"
MIGRATIONS = MigrationSource(schema=SCHEMA, package="ingest.adapters.migrations")
