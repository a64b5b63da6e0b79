"""`sla-engine explain`: the lead's page as text."""

from datetime import UTC, datetime

from shared.backing import open_backing
from shared.database import DatabaseError, open_pool
from shared.process import StartError
from sla_engine.adapters.edition_store import PostgresArchive
from sla_engine.adapters.reader import PostgresReader
from sla_engine.application.explanation import explain
from sla_engine.application.ports import StoreUnavailable
from sla_engine.config import EngineSettings
from sla_engine.entrypoints.explanation_text import explanation_text
from sla_engine.main.standing import stored_editions


async def explained(settings: EngineSettings, lead: str) -> str | None:
    """The explanation of a lead as text; None: it is not known. Raises `StartError`."""
    async with open_backing(settings, client_id="sla-engine-explain") as backing:
        try:
            async with open_pool(backing.database_url, application_name="leadpact-explain") as pool:
                record = await PostgresReader(pool, database_url=backing.database_url).lead(lead)
                archive = PostgresArchive(pool, database_url=backing.database_url)
                editions = await stored_editions(settings, archive)
        except (DatabaseError, StoreUnavailable) as error:
            raise StartError(str(error)) from error
    return None if record is None else explanation_text(explain(record, editions, datetime.now(UTC)))
