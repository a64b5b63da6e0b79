"""`ingest`: the service, its sources file, and what was put aside."""

import asyncio
import json
from typing import Annotated

import typer

from ingest.adapters.schema import MIGRATIONS
from ingest.config import IngestSettings
from ingest.main import dead_letters, paper, replaying
from ingest.main.service import serve
from ingest.main.told import exits_clearly
from shared.backing import open_backing
from shared.database.migrations import upgrade
from shared.process import read_settings, run_process

app = typer.Typer(
    name="ingest",
    help="CRM webhooks become lead events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(dead_letters.app, name="dead-letters")
app.command()(paper.check)
app.command()(paper.translate)
app.command()(paper.schema)
app.command()(replaying.replay)


@app.command()
def run() -> None:
    """Run the service: receive webhooks, store them, translate them.

    Settings come from LEADPACT_… variables; LEADPACT_INGEST_SOURCES names the
    sources file. Ctrl-C or SIGTERM stops it.

    Exit codes: 0 stopped when asked, 1 died (start it again), 2 told wrongly
    (settings, sources file, a taken port).
    """
    run_process("ingest", IngestSettings, serve)


@app.command()
def migrate(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print the applied revisions as JSON.")] = False
) -> None:
    """Bring ingest's schema in the database up to date, and say what was done."""
    settings = read_settings(IngestSettings)
    with exits_clearly():
        applied = asyncio.run(_migrate(settings))
    if as_json:
        typer.echo(json.dumps(applied))
    else:
        typer.echo(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")


async def _migrate(settings: IngestSettings) -> list[str]:
    async with open_backing(settings, client_id="ingest-migrate") as backing:
        return await upgrade(backing.database_url, MIGRATIONS)
