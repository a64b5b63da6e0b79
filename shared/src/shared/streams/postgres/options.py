"""What can be set about the log in PostgreSQL; every default says why."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import msgspec

from shared.streams.sizes import MAX_RECORD_BYTES


def utc_now() -> datetime:
    """The wall clock, aware UTC."""
    return datetime.now(UTC)


class PostgresOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Times are in seconds."""

    dsn: str
    """asyncpg's style: postgresql://user:password@host:port/database, or ?host=/directory for a Unix socket."""
    client_id: str
    append_timeout_seconds: float = 5.0
    """A webhook's answer waits for its append; after this the request goes to the spool."""
    connect_timeout_seconds: float = 3.0
    command_timeout_seconds: float = 5.0
    heartbeat_seconds: float = 1.0
    """How often a member says that it lives and looks at how the group shares the partitions."""
    lease_seconds: float = 6.0
    """A member that hangs loses its partitions after this; one that is killed loses them with its connection."""
    idle_transaction_seconds: float = 3.0
    """The database ends a session that stops in the middle of a transaction; less than the command's time limit."""
    poll_seconds: float = 1.0
    """The log is looked at this often even if no notification came."""
    retention_seconds: float = 7 * 86_400.0
    """Records are kept at least this long. Raw requests are replayed from the log, so it is days."""
    sweep_every_seconds: float = 600.0
    """How often old records are looked for."""
    max_record_bytes: int = MAX_RECORD_BYTES
    clock: Callable[[], datetime] = utc_now

    @property
    def address(self) -> str:
        """As errors name it: host and database, never user or password."""
        parts = urlsplit(self.dsn)
        host = parts.hostname or next(iter(parse_qs(parts.query).get("host", ())), "localhost")
        port = f":{parts.port}" if parts.port else ""
        return f"the log in postgresql://{host}{port}{parts.path}"

    def __repr__(self) -> str:
        return f"PostgresOptions({self.address})"
