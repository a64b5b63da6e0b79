"""`sla-engine`: the service, its migrations, and the agreement on paper."""

import asyncio
import sys
from typing import Annotated

import typer

from shared.backing import open_backing
from shared.database.migrations import upgrade
from shared.logs import configure_logs
from shared.process import TOLD_WRONGLY, StartError, read_settings, run_process
from sla_engine.adapters.agreement_file import json_schema, read_agreement
from sla_engine.adapters.draft_file import read_draft
from sla_engine.adapters.events_file import read_events
from sla_engine.adapters.schema import MIGRATIONS
from sla_engine.config import EngineSettings
from sla_engine.entrypoints import editing, paper
from sla_engine.main.editing import opener
from sla_engine.main.explaining import explained
from sla_engine.main.forgetting import forget
from sla_engine.main.service import serve
from sla_engine.main.standing import who

NOT_FOUND = 1

app = typer.Typer(
    name="sla-engine",
    help="Every promise on every lead becomes a clock; this judges them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def run() -> None:
    """Run the service: judge lead events, fire deadlines, answer people.

    Settings come from LEADPACT_… variables; LEADPACT_ENGINE_AGREEMENT names the agreement. Ctrl-C or SIGTERM stops it.
    Exit codes: 0 stopped when asked, 1 died (start it again), 2 told wrongly (settings, agreement, a taken port).
    """
    run_process("sla-engine", EngineSettings, serve)


@app.command()
def explain(lead: Annotated[str, typer.Argument(help="The lead's key, such as hubspot:4711:1001.")]) -> None:
    """Say why each verdict on a lead is what it is, judged now: by the service's settings and database.

    Exit codes: 0 explained, 1 no such lead, 2 told wrongly.
    """
    settings = _settings()
    try:
        text = asyncio.run(explained(settings, lead))
    except StartError as error:
        typer.echo(f"sla-engine: {error}", err=True)
        sys.exit(TOLD_WRONGLY)
    if text is None:
        typer.echo(f"no event of a lead with the key {lead!r} has been seen", err=True)
        sys.exit(NOT_FOUND)
    typer.echo(text)


app.command()(forget)


@app.command()
def migrate() -> None:
    """Bring the engine's schema in the database up to date, and say what was done."""
    settings = _settings()
    try:
        applied = asyncio.run(_migrate(settings))
    except StartError as error:
        typer.echo(f"sla-engine: {error}", err=True)
        sys.exit(TOLD_WRONGLY)
    typer.echo(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")


def _settings() -> EngineSettings:
    """The settings; logs go to standard error, so that what a command prints can be piped."""
    settings = read_settings(EngineSettings)
    configure_logs(service="sla-engine", level=settings.log_level, log_format=settings.log_format)
    return settings


async def _migrate(settings: EngineSettings) -> list[str]:
    async with open_backing(settings, client_id="sla-engine") as backing:
        return await upgrade(backing.database_url, MIGRATIONS)


editing.register(app, editing.Desk(read_draft=read_draft, open_archive=opener(_settings), who=who))
paper.register(app, paper.Files(read_agreement=read_agreement, read_events=read_events, schema=json_schema))
