"""`python -m deploy.demo run|reset`."""

import asyncio
import shutil
import sys
from pathlib import Path

import typer

from deploy.demo.guards import only_one
from deploy.demo.journal import JournalError
from deploy.demo.launcher import Launcher
from deploy.demo.places import PlaceError, Places
from deploy.demo.screen import Screen
from deploy.demo.waiting import asked_to_stop
from shared.embedded import EmbeddedPostgresError, forget

app = typer.Typer(help="Leadpact with simulated CRMs, on this machine.", no_args_is_help=True, add_completion=False)


@app.command()
def run() -> None:
    """Start everything and show what a sales manager would read in Slack; Ctrl-C stops it."""
    places = Places.read(Path.cwd())
    with only_one(places):
        code = asyncio.run(_until_stopped(Launcher(places, Screen())))
    raise typer.Exit(code)


@app.command()
def reset() -> None:
    """Forget all that the demo stored."""
    places = Places.read(Path.cwd())
    with only_one(places):
        if not places.state.exists():
            typer.echo("There is nothing to forget.")
            return
        forget(places.state)
        shutil.rmtree(places.state)
        typer.echo(f"Forgot all that was in {places.state}.")


async def _until_stopped(launcher: Launcher) -> int:
    stop = asyncio.Event()
    with asked_to_stop(stop):
        return await launcher.run(stop)


def main() -> None:
    """Run the command; one clear line instead of a trace for what a person can mend."""
    try:
        app()
    except (PlaceError, JournalError, EmbeddedPostgresError) as error:
        print(f"✗ {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
