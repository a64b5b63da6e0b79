"""What a service stands on: a database and a stream, opened as the settings say.

The one place that knows the embedded default: without a database URL the embedded PostgreSQL is started (or joined),
without a stream URL the stream is kept in that database.
"""

import contextlib
from collections.abc import AsyncIterator

import msgspec

from shared.embedded import EmbeddedPostgresError, open_embedded
from shared.logs import get_logger
from shared.process import StartError
from shared.settings import CommonSettings
from shared.streams.connect import StreamAddressError, open_stream
from shared.streams.port import Stream

logger = get_logger(__name__)


class Backing(msgspec.Struct, frozen=True, kw_only=True):
    """An address to open pools on (it may hold a password: never log it), and an open stream."""

    database_url: str
    stream: Stream

    def __repr__(self) -> str:
        return f"Backing(stream={self.stream!r})"


@contextlib.asynccontextmanager
async def open_backing(
    settings: CommonSettings, *, client_id: str, member: str | None = None
) -> AsyncIterator[Backing]:
    """Database and stream; the embedded server is left (and by its last user stopped) at the end.

    `member` is as `open_stream` says. Raises `StartError` where the embedded server can't start or an address is not
    understood. A server that is merely not there yet is no error here.
    """
    async with contextlib.AsyncExitStack() as stack:
        database_url = await _database_url(settings, stack)
        try:
            opening = open_stream(settings.stream_url, database_url=database_url, client_id=client_id, member=member)
        except StreamAddressError as error:
            raise StartError(f"LEADPACT_STREAM_URL: {error}") from error
        yield Backing(database_url=database_url, stream=await stack.enter_async_context(opening))


async def _database_url(settings: CommonSettings, stack: contextlib.AsyncExitStack) -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    try:
        server = await stack.enter_async_context(
            open_embedded(settings.state_dir, progress=lambda text: logger.info("embedded_postgres", detail=text))
        )
    except EmbeddedPostgresError as error:
        raise StartError(str(error)) from error
    return server.url
