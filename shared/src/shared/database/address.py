"""What a database URL says, in the form that a driver wants and in the form that a person may read."""

from urllib.parse import parse_qs, unquote, urlsplit

SCHEMES = ("postgresql", "postgres")
DRIVER_MARK = "+asyncpg"
DEFAULT_PORT = 5432


class DatabaseUrlError(ValueError):
    """The URL is not one of PostgreSQL; says what it should look like, and quotes nothing of it."""


def driver_url(url: str) -> str:
    """The URL as asyncpg reads it; a `+asyncpg`, as SQLAlchemy writes it, is dropped. Raises `DatabaseUrlError`."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.removesuffix(DRIVER_MARK)
    if not separator or scheme not in SCHEMES:
        raise DatabaseUrlError(
            "the database URL must look like postgresql://user:password@host:5432/name "
            "or postgresql://user@/name?host=/folder/of/the/socket"
        )
    return f"{scheme}://{rest}"


def place_of(url: str) -> str:
    """Host, port and database for people and logs; never user or password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if not host:
        host = parse_qs(parts.query).get("host", ["localhost"])[0]
    elif "," not in host and parts.port is None:
        host = f"{host}:{DEFAULT_PORT}"
    return f"{unquote(host)}, database '{unquote(parts.path.lstrip('/')) or 'default'}'"
