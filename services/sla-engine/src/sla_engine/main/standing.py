"""The editions that a process judges by: what is stored, and what the file adds to it."""

import asyncio
import getpass
import socket

from shared.logs import get_logger
from shared.process import StartError
from sla_engine.adapters.absence_feeds import FeedsUnread, read_before
from sla_engine.adapters.draft_file import read_draft, read_draft_again
from sla_engine.adapters.edition_store import PostgresArchive
from sla_engine.application.in_force import Archive, Draft, settle_at_start
from sla_engine.application.ports import StoreUnavailable
from sla_engine.config import EngineSettings
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.agreement_faults import AgreementError
from sla_engine.domain.editions import Editions

logger = get_logger(__name__)


def load_draft(settings: EngineSettings, before: Agreement | None = None) -> Draft:
    """The agreement that the settings name. Raises `StartError` that lists every fault.

    A calendar of absences that can't be read says what it said when `before` was read.
    """
    try:
        told = None if before is None else read_before(before.declared)
        draft, stale = read_draft_again(settings.engine_agreement, told)
    except AgreementError as error:
        raise StartError(f"the agreement named by LEADPACT_ENGINE_AGREEMENT can't be used\n{error}") from error
    if stale:
        logger.warning("absences_not_read", used="what was read before", reasons=list(stale))
    return draft


def draft_at_start(settings: EngineSettings) -> Draft | None:
    """As `load_draft`; None where calendars of absences can't be read now: what they said before may do."""
    try:
        return read_draft(settings.engine_agreement)
    except FeedsUnread:
        return None
    except AgreementError:
        return load_draft(settings)


async def editions_at_start(settings: EngineSettings, draft: Draft | None, archive: Archive) -> Editions:
    """All editions, with the file as the newest where it is new. Raises `StartError`."""
    try:
        if draft is None:
            stored = await archive.editions()
            draft = await asyncio.to_thread(load_draft, settings, None if stored is None else stored.newest.agreement)
        standing = await settle_at_start(archive, draft, open_=settings.engine_open_promises, by=f"run on {where()}")
    except AgreementError as error:
        raise StartError(unreadable(error)) from error
    except StoreUnavailable as error:
        raise StartError(str(error)) from error
    newest = standing.editions.newest
    if standing.applied is not None:
        logger.info("agreement_stored", version=newest.version, edition=newest.number, open=newest.open.value)
    if standing.stale:
        logger.error(
            "agreement_file_is_older",
            file=draft.agreement.version,
            used=newest.version,
            detail=f"{settings.engine_agreement} is an edition that a later one replaced, so it is not applied. "
            f"Put the newest file in its place, or go back to it with: sla-engine apply {settings.engine_agreement}",
        )
    return standing.editions


async def stored_editions(settings: EngineSettings, archive: PostgresArchive) -> Editions:
    """What the running service judges by; where nothing is stored yet, the file. Raises `StartError`."""
    try:
        editions = await archive.editions()
    except AgreementError as error:
        raise StartError(unreadable(error)) from error
    return Editions.only(load_draft(settings).agreement) if editions is None else editions


def unreadable(error: AgreementError) -> str:
    """What to do where this version does not understand what an earlier one stored."""
    return (
        f"an agreement stored in the database can't be used by this version of the engine: go back to the version that "
        f"applied it\n{error}"
    )


def where() -> str:
    """This place, for the record of who applied what."""
    return socket.gethostname()


def who() -> str:
    """Whoever runs this command."""
    try:
        return f"{getpass.getuser()} on {where()}"
    except (OSError, KeyError):
        return where()
