"""What can be wrong with a database, in the words of whoever must mend it."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeGuard

import asyncpg

from shared.database.address import place_of

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError


class DatabaseError(Exception):
    """The database does not do what was asked. Names host and database, never the password."""


class DatabaseUnavailable(DatabaseError):  # noqa: N818 - it names a state that passes, not a fault
    """It can't be reached, or refuses for now. Temporary: the same call may be made again."""


class DatabaseRefused(DatabaseError):  # noqa: N818 - the database's own word
    """It will go on refusing until somebody changes user, password, name or rights. Permanent."""


TEMPORARY = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # what the driver makes of a server's last words; no PostgresError
)
LOST = ("closed", "closing", "released back to the pool")
"""How the driver says that a connection was lost; the last when the pool noticed it before its user did."""
PERMANENT = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


@contextlib.contextmanager
def database_errors(url: str) -> Iterator[None]:
    """Translate the driver's errors about the connection; errors about a statement pass through as they are.

    Raises `DatabaseUnavailable` or `DatabaseRefused`, each with its cause.
    """
    try:
        yield
    except DatabaseError:
        raise
    except (*TEMPORARY, *PERMANENT, asyncpg.InterfaceError) as error:
        translated = _translated(url, error)
        if translated is None:
            raise
        raise translated from error
    except Exception as error:
        if not _is_sqlalchemys(error):
            raise
        inner = _innermost(error)
        translated = _translated(url, inner)
        if translated is None and error.connection_invalidated:
            translated = DatabaseUnavailable(_sentence(url, inner))
        if translated is None:
            raise
        raise translated from error


def _is_sqlalchemys(error: Exception) -> "TypeGuard[DBAPIError]":
    """Asked without importing it, which takes a third of a second: who raised one has imported it."""
    exceptions = sys.modules.get("sqlalchemy.exc")
    return exceptions is not None and isinstance(error, exceptions.DBAPIError)


def _translated(url: str, error: BaseException) -> DatabaseError | None:
    if isinstance(error, PERMANENT):
        return DatabaseRefused(f"PostgreSQL at {place_of(url)} refuses: {error}")
    if _is_temporary(error):
        return DatabaseUnavailable(_sentence(url, error))
    return None


def _is_temporary(error: BaseException) -> bool:
    """InterfaceError is the driver's word for a wrong call as well; only a lost connection passes by itself."""
    if isinstance(error, asyncpg.InterfaceError):
        return any(word in str(error) for word in LOST)
    return isinstance(error, TEMPORARY)


def _innermost(error: "DBAPIError") -> BaseException:
    inner: BaseException = error.orig if isinstance(error.orig, BaseException) else error
    while inner.__cause__ is not None:
        inner = inner.__cause__
    return inner


def _sentence(url: str, error: BaseException) -> str:
    reason = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return f"PostgreSQL at {place_of(url)} can't be reached: {reason}"
