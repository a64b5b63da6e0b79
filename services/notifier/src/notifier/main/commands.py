"""The command `notifier`."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from notifier.adapters.preview_feed import feed_text
from notifier.application.ports import Outgoing
from notifier.config import NotifierSettings
from notifier.domain.delivery import State
from notifier.main import dead_letters, service
from notifier.main.sample import SampleError, rendered_samples
from notifier.main.storage import on_storage, print_table, quiet_settings, told_wrongly
from shared.process import StartError, run_process

app = typer.Typer(
    help="Tells people of promises on leads that are about to be broken, broken, or kept after all. "
    "Settings are read from the environment; every variable begins with LEADPACT_.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
deliveries_app = typer.Typer(help="What was said to whom, and what is still to be said.", no_args_is_help=True)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(deliveries_app, name="deliveries")


@app.command()
def run() -> None:
    """Run the service until SIGTERM or Ctrl-C."""
    run_process(service.SERVICE, NotifierSettings, service.serve)


@app.command()
def migrate() -> None:
    """Bring the notifier's tables up to date."""

    async def nothing(_storage: object) -> None:
        """Opening the storage migrates."""

    on_storage(nothing)
    typer.echo("The schema 'notifier' is up to date.")


@app.command()
def check() -> None:
    """Check the settings; with a bot token, ask Slack who we are."""
    settings = quiet_settings()
    try:
        service.check_settings(settings)
        who = asyncio.run(_who(settings))
    except (StartError, ConnectionError) as error:
        told_wrongly(str(error))
    typer.echo(f"channels: {', '.join(settings.channels)}")
    typer.echo(f"default channel: {settings.notifier_send_all_to or settings.notifier_default_channel}")
    if who is not None:
        typer.echo(f"Slack: {who}")


@app.command()
def preview(
    file: Annotated[Path, typer.Argument(help="SLA events, one JSON object a line.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Blocks for Slack's Block Kit Builder, one a line.")] = False,
) -> None:
    """Show the messages that events would cause. Nothing is sent or stored."""
    settings = quiet_settings()
    try:
        samples = rendered_samples(
            file, console_url=settings.console_url, default_channel=settings.notifier_default_channel, now=None
        )
    except SampleError as error:
        told_wrongly(str(error))
    for each in samples:
        if as_json:
            typer.echo(msgspec.json.encode({"blocks": each.message.blocks}).decode())
        else:
            outgoing = Outgoing(delivery=each.delivery, message=each.message, names=each.names)
            typer.echo(feed_text(outgoing), nl=False)


@deliveries_app.command("list")
def list_deliveries(
    *,
    state: Annotated[list[State] | None, typer.Option(help="Only these states.")] = None,
    lead: Annotated[str | None, typer.Option(help="Only this lead.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
) -> None:
    """List deliveries, newest first."""
    found = on_storage(
        lambda storage: storage.book.find(
            states=state or None, lead=lead, obligation=None, channel=None, before=None, limit=limit
        )
    )
    table = Table("id", "announced", "what", "how", "to", "lead", "state", "reason", box=None)
    for each in found:
        table.add_row(
            each.id,
            f"{each.announced_at:%Y-%m-%d %H:%M:%S}Z",
            each.step,
            each.operation,
            f"{each.channel} {each.destination}",
            each.lead,
            each.state,
            each.reason or "",
        )
    print_table(table)


async def _who(settings: NotifierSettings) -> str | None:
    async with service.open_channels(settings) as channels:
        return None if channels.bot is None else await channels.bot.check()
