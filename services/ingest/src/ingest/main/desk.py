"""What a command at an operator's desk opens: the same database and stream as the running service."""

import contextlib
from collections.abc import AsyncIterator

import msgspec

from ingest.adapters.postgres import Database, PostgresDeadLetters
from ingest.adapters.schema import MIGRATIONS
from ingest.config import IngestSettings
from shared.backing import open_backing
from shared.database.migrations import pending
from shared.process import StartError
from shared.streams.port import Stream


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """Open parts."""

    letters: PostgresDeadLetters
    stream: Stream


@contextlib.asynccontextmanager
async def open_desk(settings: IngestSettings) -> AsyncIterator[Desk]:
    """Database and stream as the settings say. Raises `StartError` where the schema is not up to date."""
    async with open_backing(settings, client_id="ingest-desk") as backing:
        if missing := await pending(backing.database_url, MIGRATIONS):
            raise StartError(f"the schema lacks {', '.join(missing)}: run `ingest migrate`, or `ingest run` once")
        database = Database(backing.database_url)
        try:
            yield Desk(letters=PostgresDeadLetters(database), stream=backing.stream)
        finally:
            await database.close()
