"""PostgreSQL: connections, and migrations of each service's own schema."""

from shared.database.connect import open_engine, open_pool
from shared.database.errors import DatabaseError, DatabaseRefused, DatabaseUnavailable, database_errors

__all__ = [
    "DatabaseError",
    "DatabaseRefused",
    "DatabaseUnavailable",
    "database_errors",
    "open_engine",
    "open_pool",
]
