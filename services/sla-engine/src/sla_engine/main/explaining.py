"""`sla-engine explain`: the lead's page as text."""

from datetime import UTC, datetime

from shared.backing import open_backing
from shared.database import DatabaseError, open_pool
from shared.process import StartError
from sla_engine.adapters.reader import PostgresReader
from sla_engine.application.explanation import explain
from sla_engine.application.ports import StoreUnavailable
from sla_engine.config import EngineSettings
from sla_engine.entrypoints.explanation_text import explanation_text
from sla_engine.main.service import load_agreement


async def explained(settings: EngineSettings, lead: str) -> str | None:
    """The explanation of a lead as text; None: it is not known. Raises `StartError`."""
    agreement = load_agreement(settings)
    async with open_backing(settings, client_id="sla-engine-explain") as backing:
        try:
            async with open_pool(backing.database_url, application_name="leadpact-explain") as pool:
                record = await PostgresReader(pool, database_url=backing.database_url).lead(lead)
        except (DatabaseError, StoreUnavailable) as error:
            raise StartError(str(error)) from error
    return None if record is None else explanation_text(explain(record, agreement, datetime.now(UTC)))
