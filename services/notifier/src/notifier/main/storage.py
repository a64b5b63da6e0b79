"""What the commands stand on: the database of the settings, opened for one piece of work."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NoReturn, TypeVar

import msgspec
from rich.console import Console
from rich.table import Table

from notifier.adapters import clock
from notifier.adapters.delivery_book import DeliveryBook
from notifier.adapters.postgres_inbox import PostgresInbox
from notifier.application.intake import Intake
from notifier.config import NotifierSettings
from notifier.main.service import migrate, routing
from shared.backing import open_backing
from shared.database import DatabaseError, database_errors, open_pool
from shared.logs import configure_logs
from shared.process import TOLD_WRONGLY, StartError, read_settings

T = TypeVar("T")

WAIT_SECONDS = 5.0


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """What a command works with."""

    book: DeliveryBook
    intake: Intake


@contextlib.asynccontextmanager
async def open_storage(settings: NotifierSettings) -> AsyncIterator[Storage]:
    """The notifier's tables. Raises `StartError` or `DatabaseError`."""
    async with open_backing(settings, client_id="notifier-command") as backing:
        with database_errors(backing.database_url):
            await migrate(backing.database_url, settings)
            async with open_pool(
                backing.database_url, application_name="notifier-command", max_size=2, wait_seconds=WAIT_SECONDS
            ) as pool:
                intake = Intake(inbox=PostgresInbox(pool), routing=routing(settings), now=clock.now)
                yield Storage(book=DeliveryBook(pool), intake=intake)


def on_storage(work: Callable[[Storage], Awaitable[T]]) -> T:
    """Do one piece of work on the stored deliveries, or exit with a line that says what is wrong."""
    settings = quiet_settings()

    async def run() -> T:
        async with open_storage(settings) as storage:
            return await work(storage)

    try:
        return asyncio.run(run())
    except (StartError, DatabaseError) as error:
        told_wrongly(str(error))


def quiet_settings() -> NotifierSettings:
    """The settings of a command that people run by hand: logs only warnings."""
    settings = read_settings(NotifierSettings)
    configure_logs(service="notifier", level="WARNING", log_format=settings.log_format)
    return settings


def print_table(table: Table) -> None:
    """For people as wide as their terminal; for other programs one row a line."""
    Console(width=None if sys.stdout.isatty() else 400).print(table)


def told_wrongly(text: str) -> NoReturn:
    """End with one clear line."""
    sys.stderr.write(f"notifier: {text}\n")
    raise SystemExit(TOLD_WRONGLY)
