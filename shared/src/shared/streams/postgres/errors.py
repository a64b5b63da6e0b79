"""asyncpg's errors, translated at the edge with the cause chained and the address named."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from shared.streams.port import StreamError, StreamUnavailable

FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # asyncpg's own state machine, when a statement begins just as the server's farewell arrives.
    asyncpg.InternalClientError,
    OSError,
)


@contextmanager
def translated(doing: str, *, address: str) -> Iterator[None]:
    """Raise `StreamUnavailable` for what asyncpg, the socket or a time limit raised inside."""
    try:
        yield
    except StreamError:
        raise
    except TimeoutError as error:
        raise StreamUnavailable(f"{address} did not answer in time while {doing}") from error
    except FAILURES as error:
        raise StreamUnavailable(f"{address} failed while {doing}: {type(error).__name__}: {error}") from error
