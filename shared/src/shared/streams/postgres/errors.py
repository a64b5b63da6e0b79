"""asyncpg's errors, translated at the edge with the cause chained and the address named."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from shared.streams.port import StreamError, StreamUnavailable


@contextmanager
def translated(doing: str, *, address: str) -> Iterator[None]:
    """Raise `StreamUnavailable` for what asyncpg, the socket or a time limit raised inside."""
    try:
        yield
    except StreamError:
        raise
    except TimeoutError as error:
        raise StreamUnavailable(f"{address} did not answer in time while {doing}") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise StreamUnavailable(f"{address} failed while {doing}: {type(error).__name__}: {error}") from error
