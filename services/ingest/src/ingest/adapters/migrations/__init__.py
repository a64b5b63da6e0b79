"""The migrations of ingest's schema: see shared.database.migrations."""
