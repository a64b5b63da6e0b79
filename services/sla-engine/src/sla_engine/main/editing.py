"""The archive of the service that the settings name, for commands that edit the agreement."""

import contextlib
from collections.abc import AsyncIterator, Callable

from shared.backing import open_backing
from shared.database import DatabaseError, open_pool
from shared.database.migrations import MigrationError, pending
from shared.process import StartError
from sla_engine.adapters.edition_store import PostgresArchive
from sla_engine.adapters.schema import MIGRATIONS
from sla_engine.application.in_force import Archive
from sla_engine.application.ports import StoreUnavailable
from sla_engine.config import EngineSettings
from sla_engine.domain.agreement_faults import AgreementError
from sla_engine.entrypoints.editing import CannotReach, OpenArchive
from sla_engine.main.standing import unreadable


def opener(settings: Callable[[], EngineSettings]) -> OpenArchive:
    """Opens the archive when a command needs it."""

    @contextlib.asynccontextmanager
    async def open_archive() -> AsyncIterator[Archive]:
        try:
            async with open_backing(settings(), client_id="sla-engine-edit") as backing:
                if missing := await pending(backing.database_url, MIGRATIONS):
                    raise CannotReach(f"the schema lacks {', '.join(missing)}: run `sla-engine migrate`")
                async with open_pool(backing.database_url, application_name="leadpact-edit", max_size=2) as pool:
                    yield PostgresArchive(pool, database_url=backing.database_url)
        except AgreementError as error:
            raise CannotReach(unreadable(error)) from error
        except (DatabaseError, MigrationError, StoreUnavailable, StartError) as error:
            raise CannotReach(str(error)) from error

    return open_archive
