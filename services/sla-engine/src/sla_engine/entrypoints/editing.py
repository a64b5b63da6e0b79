"""Editing the agreement of a running service: `plan`, `apply` and `editions`."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, Protocol, TypeVar

import msgspec
import typer

from sla_engine.application.in_force import Applied, Archive, Draft, Overtaken
from sla_engine.application.planning import Plan, make_plan
from sla_engine.domain.agreement_faults import AgreementError
from sla_engine.domain.editions import OpenChoice
from sla_engine.entrypoints.plan_table import print_editions, print_plan

T = TypeVar("T")

NOT_DONE = 1
REFUSED = 2
FILE = Annotated[Path, typer.Argument(help="The agreement as it should be, a YAML file.")]
OPEN_HELP = "What becomes of promises that are open: keep, recompute or restart."


class CannotReach(Exception):  # noqa: N818 - it says what is the matter
    """The service's database can't be used; the text says why, and the cure."""


class OpenArchive(Protocol):
    """Opens the archive of the service that the settings name. Raises `CannotReach`."""

    def __call__(self) -> AbstractAsyncContextManager[Archive]:
        """Until the end of the block."""
        ...


def _at_terminal() -> bool:
    return sys.stdin.isatty()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What editing needs; main hands in the adapters."""

    read_draft: Callable[[Path], Draft]
    open_archive: OpenArchive
    who: Callable[[], str]
    at_terminal: Callable[[], bool] = _at_terminal


def register(app: typer.Typer, desk: Desk) -> None:
    """Add the commands to the service's command line."""

    @app.command()
    def plan(
        file: FILE,
        open_: Annotated[OpenChoice | None, typer.Option("--open", help=f"{OPEN_HELP} All three if unset.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,  # noqa: FBT002 - a flag
    ) -> None:
        """Say what an agreement would change for open promises; change nothing.

        Compares it with what is in force in the service's database, and judges every
        lead that has an open promise by both, now: whose deadline moves, what would
        be at risk or broken at once, what ends. Events that the engine has not taken
        in yet are not counted.

        Exit codes: 0 planned, 2 told wrongly (a faulty file, no database).
        """
        draft = _draft(desk, file)
        choices = list(OpenChoice) if open_ is None else [open_]
        made = _reach(_plan(desk, draft, choices))
        if as_json:
            typer.echo(_json(made))
        else:
            print_plan(made)

    @app.command()
    def apply(
        file: FILE,
        open_: Annotated[OpenChoice, typer.Option("--open", help=OPEN_HELP)] = OpenChoice.RECOMPUTE,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,  # noqa: FBT002 - a flag
    ) -> None:
        """Make an agreement the newest edition, from now on; running engines follow at once.

        Prints the plan and asks before anything is stored. What is closed stays as it
        was judged. For open promises choose: `keep` (they stay as they are),
        `recompute` (judged anew from their start) or `restart` (their clocks start
        anew now). Promises of a clock that was removed end, whatever the choice.

        Put the same file where LEADPACT_ENGINE_AGREEMENT points: an engine that
        starts with an older one says so, and goes on with the newest edition.

        Exit codes: 0 applied or in force already, 1 not applied, 2 told wrongly.
        """
        draft = _draft(desk, file)
        made = _reach(_plan(desk, draft, [open_]))
        print_plan(made)
        if made.nothing_new:
            return
        if not yes and not _agreed(desk):
            _end("nothing was applied", NOT_DONE)
        try:
            applied = _reach(_apply(desk, draft, open_, after=made.edition))
        except Overtaken as error:
            _end(f"nothing was applied: {error}", NOT_DONE)
        typer.echo(
            f"\napplied as edition {applied.number} ({applied.version}) at {applied.applied_at:%Y-%m-%d %H:%M:%S} UTC, "
            f"open promises: {applied.open.value}\n"
            "running engines judge open promises again now; follow it with: sla-engine editions"
        )

    @app.command()
    def editions() -> None:
        """List the editions that were applied, and whether open promises are judged by the newest.

        Exit codes: 0 listed, 2 told wrongly (no database).
        """
        listed, progress = _reach(_editions(desk))
        print_editions(listed, progress, datetime.now(UTC))


def _draft(desk: Desk, file: Path) -> Draft:
    try:
        return desk.read_draft(file)
    except AgreementError as error:
        _end(str(error), REFUSED)


def _reach(work: Coroutine[Any, Any, T]) -> T:
    """Run it; where the database can't be used, say so and end."""
    try:
        return asyncio.run(work)
    except CannotReach as error:
        _end(f"sla-engine: {error}", REFUSED)


async def _plan(desk: Desk, draft: Draft, choices: Sequence[OpenChoice]) -> Plan:
    async with desk.open_archive() as archive:
        made = await make_plan(archive, draft, choices, datetime.now(UTC), progress=_show_progress)
    _show_progress(None)
    return made


def _show_progress(leads: int | None) -> None:
    """On a terminal, say how far it is; None: done."""
    if sys.stderr.isatty():
        said = "" if leads is None else f"{leads} leads judged so far"
        sys.stderr.write(f"\r{said:<40}\r{said}")
        sys.stderr.flush()


async def _apply(desk: Desk, draft: Draft, open_: OpenChoice, *, after: int) -> Applied:
    async with desk.open_archive() as archive:
        return await archive.apply(draft, open_=open_, by=desk.who(), after=after)


async def _editions(desk: Desk) -> tuple[Sequence[Applied], Mapping[str | None, int]]:
    async with desk.open_archive() as archive:
        return await archive.listed(), await archive.progress()


def _agreed(desk: Desk) -> bool:
    if not desk.at_terminal():
        _end("there is no terminal to ask at. Say --yes to apply without being asked", REFUSED)
    return typer.confirm("\nApply it?")


def _json(plan: Plan) -> str:
    return msgspec.json.format(msgspec.json.encode(plan), indent=2).decode()


def _end(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(code)
