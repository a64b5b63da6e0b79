"""Errors of the command line: one clear line on standard error, and an exit code that says whose turn it is."""

import contextlib
from collections.abc import Iterator

import typer

from ingest.application.ports import StoreUnavailable
from shared.database.errors import DatabaseError
from shared.database.migrations import MigrationError
from shared.logs import configure_logs
from shared.process import DIED, TOLD_WRONGLY, StartError
from shared.settings import LogFormat, SettingsError
from shared.streams.port import StreamError


@contextlib.contextmanager
def exits_clearly() -> Iterator[None]:
    """Exit 2 for what was told wrongly, 1 for a database or stream that does not answer. Logs: warnings only."""
    configure_logs(service="ingest", level="WARNING", log_format=LogFormat.CONSOLE)
    try:
        yield
    except (StartError, SettingsError, MigrationError) as error:
        typer.echo(f"ingest: {error}", err=True)
        raise typer.Exit(TOLD_WRONGLY) from error
    except (StoreUnavailable, StreamError, DatabaseError) as error:
        typer.echo(f"ingest: {error}", err=True)
        raise typer.Exit(DIED) from error


def refuse(sentence: str) -> typer.Exit:
    """Say what is wrong with what was asked; raise the result."""
    typer.echo(f"ingest: {sentence}", err=True)
    return typer.Exit(TOLD_WRONGLY)
