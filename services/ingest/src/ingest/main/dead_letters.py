"""`ingest dead-letters`: what could not be translated, why, and once more."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Optional

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from ingest.adapters.postgres import AmbiguousId
from ingest.application.ports import StoredDeadLetter
from ingest.application.redriving import Redriven, redrive
from ingest.config import IngestSettings
from ingest.domain import raw_request
from ingest.main.desk import open_desk
from ingest.main.service import read_sources
from ingest.main.told import exits_clearly, refuse
from shared.process import read_settings

SHORT_ID = 12
MOST = 100_000
"""More dead letters than this are redriven in several calls."""

app = typer.Typer(help="Parts of requests that could not be translated.", no_args_is_help=True)

SourceOption = Annotated[Optional[str], typer.Option(help="Only of this source.")]  # noqa: UP045 - read at run time
ReasonOption = Annotated[Optional[str], typer.Option(help="Only with this reason.")]  # noqa: UP045 - same


@app.command(name="list")
def list_letters(
    *,
    source: SourceOption = None,
    reason: ReasonOption = None,
    redriven: Annotated[bool, typer.Option("--all", help="Those that were redriven too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List dead letters, the newest first.

    Example: ingest dead-letters list --source hubspot --reason unmapped_stage
    """
    with exits_clearly():
        found = asyncio.run(_list(source=source, reason=reason, open_only=not redriven, limit=limit))
    if as_json:
        for stored in found:
            typer.echo(msgspec.json.encode(_told(stored)).decode())
    else:
        _print_table(found)


@app.command()
def show(letter: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")]) -> None:
    """Show one dead letter and the raw request it came from.

    Example: ingest dead-letters show 3f9a
    """
    with exits_clearly():
        stored = asyncio.run(_get(letter))
    for name, value in _told(stored).items():
        typer.echo(f"{name}: {value}")
    typer.echo("")
    try:
        request = raw_request.decode(stored.letter.request)
    except (msgspec.DecodeError, UnicodeDecodeError):
        typer.echo(repr(stored.letter.request))
        return
    typer.echo(f"{request.method} {request.url}")
    for name, value in request.headers:
        typer.echo(f"{name}: {value}")
    typer.echo("")
    typer.echo(request.body.decode("utf-8", "replace"))


@app.command(name="redrive")
def redrive_letters(
    letter: Annotated[Optional[str], typer.Argument(help="Its id, or the beginning of it.")] = None,  # noqa: UP045 - same
    *,
    every: Annotated[bool, typer.Option("--all", help="All that are open (see --source and --reason).")] = False,
    source: SourceOption = None,
    reason: ReasonOption = None,
) -> None:
    """Translate dead letters once more, with the sources file as it is now.

    Examples: ingest dead-letters redrive 3f9a · ingest dead-letters redrive --all --reason unmapped_stage
    """
    if (letter is None) is not every:
        raise refuse("name one dead letter, or say --all")
    with exits_clearly():
        outcomes = asyncio.run(_redrive(letter, source=source, reason=reason))
    counts = Counter(outcomes)
    typer.echo(f"{counts[Redriven.TRANSLATED]} translated, {counts[Redriven.FAILED_AGAIN]} failed again")
    if counts[Redriven.FAILED_AGAIN]:
        raise typer.Exit(1)


async def _list(*, source: str | None, reason: str | None, open_only: bool, limit: int) -> Sequence[StoredDeadLetter]:
    async with open_desk(read_settings(IngestSettings)) as desk:
        return await desk.letters.list(source=source, reason=reason, open_only=open_only, limit=limit)


async def _get(letter: str) -> StoredDeadLetter:
    async with open_desk(read_settings(IngestSettings)) as desk:
        try:
            stored = await desk.letters.get(letter)
        except AmbiguousId as error:
            raise refuse(str(error)) from error
    if stored is None:
        raise refuse(f"there is no dead letter whose id begins with {letter!r}")
    return stored


async def _redrive(letter: str | None, *, source: str | None, reason: str | None) -> list[Redriven]:
    settings = read_settings(IngestSettings)
    sources = read_sources(settings, resolve_secrets=False)
    if letter is not None:
        chosen: Sequence[StoredDeadLetter] = [await _get(letter)]
    else:
        chosen = await _list(source=source, reason=reason, open_only=True, limit=MOST)
    now = datetime.now(UTC)
    async with open_desk(settings) as desk:
        return [
            await redrive(stored, letters=desk.letters, stream=desk.stream, sources=sources, now=now)
            for stored in reversed(chosen)  # the oldest first, as they came
        ]


def _told(stored: StoredDeadLetter) -> dict[str, object]:
    letter = stored.letter
    return {
        "id": letter.id,
        "source": letter.source,
        "reason": letter.reason,
        "detail": letter.detail,
        "part": "the whole request" if letter.part is None else letter.part,
        "raw_id": letter.raw_id,
        "received_at": letter.received_at,
        "first_seen": stored.first_seen,
        "attempts": stored.attempts,
        "redriven_at": stored.redriven_at,
    }


def _print_table(found: Sequence[StoredDeadLetter]) -> None:
    if not found:
        typer.echo("no dead letters")
        return
    table = Table("id", "first seen", "source", "reason", "part", "detail", box=None)
    for stored in found:
        letter = stored.letter
        table.add_row(
            letter.id[:SHORT_ID],
            f"{stored.first_seen:%Y-%m-%d %H:%M:%S}Z",
            letter.source,
            letter.reason + (" (redriven)" if stored.redriven_at else ""),
            "whole" if letter.part is None else str(letter.part),
            letter.detail,
        )
    Console(soft_wrap=False).print(table, markup=False)
    typer.echo(f"{len(found)} shown; `ingest dead-letters show ID` prints the request")
