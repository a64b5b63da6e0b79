"""The Stream port as a partitioned, ordered log kept in PostgreSQL. Bounded in ambition: one machine."""

from shared.streams.postgres.options import PostgresOptions
from shared.streams.postgres.stream import PostgresStream

__all__ = ["PostgresOptions", "PostgresStream"]
