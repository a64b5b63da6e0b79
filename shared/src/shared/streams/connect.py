"""Which engine keeps the stream is a setting, an address; everything else in the code is the same."""

import re
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from urllib.parse import urlsplit

from shared.streams.kafka import KafkaOptions, KafkaStream
from shared.streams.port import Stream
from shared.streams.postgres import PostgresOptions, PostgresStream

DEFAULT_RETENTION = timedelta(days=7)
MEMBER_CHARACTERS = 249
_ODD = re.compile(r"[^a-zA-Z0-9._-]")
"""What Kafka takes in no name."""


class StreamAddressError(ValueError):
    """The stream's address names no engine; says what would."""


def open_stream(
    url: str | None,
    *,
    database_url: str | None,
    client_id: str,
    member: str | None = None,
    append_timeout_seconds: float = 5.0,
    retention_seconds: float = DEFAULT_RETENTION.total_seconds(),
) -> AbstractAsyncContextManager[Stream]:
    """The stream at `url`: `kafka://host:port[,host:port]`, or `postgres:` (or nothing) for the log in `database_url`.

    Entering the context needs no server: what is not there yet is reported by `ready()` and by the calls themselves
    (`StreamUnavailable`), and used as soon as it answers. `client_id` names the service to the engine. `member`
    names the process: one that joins a group under the name of a killed one takes its partitions at once. No two that
    live may share it.
    `retention_seconds` concerns the log in PostgreSQL, and topics that are made on Kafka; topics that are there already
    keep their own setting. Raises `StreamAddressError`.
    """
    if url is not None and url.startswith("kafka:"):
        return KafkaStream(
            KafkaOptions(
                bootstrap=_bootstrap(url),
                client_id=client_id,
                member=None if member is None else _ODD.sub("_", member)[:MEMBER_CHARACTERS],
                append_timeout_seconds=append_timeout_seconds,
                retention_seconds=retention_seconds,
            )
        )
    if url not in {None, "", "postgres:", "postgres://"}:
        raise StreamAddressError(
            f"the stream's address has the scheme {urlsplit(url or '').scheme!r}: write kafka://host:port[,host:port], "
            "or leave it empty to keep the stream in the database"
        )
    if not database_url:
        raise StreamAddressError("the stream is kept in the database, but no database address is set")
    return PostgresStream(
        PostgresOptions(
            dsn=database_url,
            client_id=client_id,
            append_timeout_seconds=append_timeout_seconds,
            retention_seconds=retention_seconds,
        )
    )


def _bootstrap(url: str) -> str:
    servers = url.removeprefix("kafka://").rstrip("/")
    for server in servers.split(","):
        host, _, port = server.rpartition(":")
        if not host or not port.isdigit() or "/" in server or "@" in server:
            raise StreamAddressError(
                "the stream's Kafka address is not understood: write kafka://host:port[,host:port], no path, no user"
            )
    return servers
