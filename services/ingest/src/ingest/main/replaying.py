"""`ingest replay`: a stretch of what was received, translated once more with the present mapping."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Optional
from uuid import uuid4

import typer

from ingest.application.redriving import Replay, ReplayCount, ReplayFrom
from ingest.config import IngestSettings
from ingest.main.desk import open_desk
from ingest.main.service import read_sources
from ingest.main.told import exits_clearly, refuse
from shared.process import read_settings


def replay(
    *,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            help="An instant (2026-03-02T09:00:00Z, or 2026-03-02 for midnight UTC), an offset of every partition "
            "(a whole number), or 'beginning'.",
        ),
    ],
    source: Annotated[Optional[str], typer.Option(help="Only requests of this source.")] = None,  # noqa: UP045 - Typer reads it at run time
) -> None:
    """Translate again what was received since a point in time, with the sources file as it is now.

    What is translated as before gives the same events, which change nothing.
    What the corrected mapping translates otherwise replaces what the wrong one
    said; what it translates anew is added. An event that it no longer gives at
    all stays. Dead letters are not touched; `ingest dead-letters redrive` does
    that.

    Example: ingest replay --from 2026-03-02T09:00:00Z --source hubspot
    """
    begin = _start(start)
    with exits_clearly():
        count = asyncio.run(_replay(begin, source))
    typer.echo(f"{_told(count)}; done")


async def _replay(begin: ReplayFrom, source: str | None) -> ReplayCount:
    settings = read_settings(IngestSettings)
    sources = read_sources(settings, resolve_secrets=False)
    if source is not None and source not in sources:
        raise refuse(f"the sources file names no source '{source}'; there are: {', '.join(sorted(sources))}")
    async with open_desk(settings) as desk:
        work = Replay(
            begin,
            stream=desk.stream,
            sources=sources,
            only_source=source,
            now=datetime.now(UTC),
            told=lambda count: typer.echo(_told(count), err=True),
        )
        return await work.run(group=f"ingest-replay-{uuid4().hex[:12]}")


def _told(count: ReplayCount) -> str:
    return (
        f"{count.read} requests read, {count.requests} translated into {count.events} events, "
        f"{count.failures} with failures"
    )


def _start(text: str) -> ReplayFrom:
    if text == "beginning":
        return ReplayFrom()
    if text.isascii() and text.isdigit():
        return ReplayFrom(offset=int(text))
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise refuse(f"--from {text!r} is no instant, offset or 'beginning'") from None
    return ReplayFrom(instant=instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant)
