"""`python -m shared.embedded start|stop|status|url|forget`: the embedded server by hand."""

from pathlib import Path
from typing import Annotated

import typer

from shared.embedded.errors import EmbeddedPostgresError
from shared.embedded.server import EmbeddedPostgres, forget

NOT_RUNNING = 3
"""Exit code of `status` and `url`, as `systemctl status` has it."""

app = typer.Typer(help="The embedded PostgreSQL by hand.", no_args_is_help=True, add_completion=False)
StateDir = Annotated[
    Path, typer.Option("--state-dir", envvar="LEADPACT_STATE_DIR", help="Folder under which the server's files lie.")
]
DEFAULT = Path(".leadpact")


def _tell(sentence: str) -> None:
    typer.echo(sentence, err=True)


@app.command("start")
def start_command(state_dir: StateDir = DEFAULT) -> None:
    """Start the server to stay, until `stop`; prints its URL."""
    server = EmbeddedPostgres(state_dir, progress=_tell)
    server.start(keep=True)
    typer.echo(server.url)
    server.leave()


@app.command("stop")
def stop_command(
    state_dir: StateDir = DEFAULT,
    *,
    force: Annotated[bool, typer.Option(help="Even while it is used; services that use it start it again.")] = False,
) -> None:
    """Stop the server."""
    typer.echo("stopped" if EmbeddedPostgres(state_dir).stop(force=force) else "was not running")


@app.command("status")
def status_command(state_dir: StateDir = DEFAULT) -> None:
    """Say whether the server runs; exit code 3 if it does not."""
    server = EmbeddedPostgres(state_dir)
    if not server.answers():
        typer.echo("not running")
        raise typer.Exit(NOT_RUNNING)
    typer.echo(f"running, pid {server.pid}, data in {server.data_dir}")


@app.command("url")
def url_command(state_dir: StateDir = DEFAULT) -> None:
    """Print where to connect; exit code 3 if the server does not run."""
    server = EmbeddedPostgres(state_dir)
    if not server.answers():
        _tell("not running; start it with: python -m shared.embedded start")
        raise typer.Exit(NOT_RUNNING)
    typer.echo(server.url)


@app.command("forget")
def forget_command(state_dir: StateDir = DEFAULT) -> None:
    """Stop the server and delete all its data."""
    forget(state_dir)
    typer.echo("forgotten")


def main() -> None:
    """Run the command; one line instead of a traceback for what a person can mend."""
    try:
        app()
    except EmbeddedPostgresError as error:
        _tell(str(error))
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
