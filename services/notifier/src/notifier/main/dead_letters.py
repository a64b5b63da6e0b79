"""`notifier dead-letters`: messages that could not be said, and records that could not be read."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from notifier.adapters import clock
from notifier.adapters.delivery_book import Letter
from notifier.application.intake import UnusableEventError
from notifier.domain.delivery import Delivery, State, TransitionError
from notifier.main.storage import Storage, on_storage, print_table, told_wrongly

LIST_LIMIT = 500
LETTER_MARK = "record-"
"""How the id of a record that could not be read begins here; those of deliveries are hexadecimal."""

app = typer.Typer(
    help="Messages that could not be delivered, and records that could not be read.", no_args_is_help=True
)


@app.command("list")
def list_letters() -> None:
    """List what could not be delivered or read, with the reason."""
    deliveries, letters = on_storage(_load)
    if not deliveries and not letters:
        typer.echo("No dead letters.")
        return
    table = Table("id", "what", "to", "lead", "state", "reason", box=None)
    for each in deliveries:
        table.add_row(each.id, each.step, f"{each.channel} {each.destination}", each.lead, each.state, each.reason)
    for letter in letters:
        where = f"{letter.topic}/{letter.partition}@{letter.offset}"
        table.add_row(
            f"{LETTER_MARK}{letter.id}", "record", where, letter.key.decode(errors="replace"), "", letter.reason
        )
    print_table(table)


@app.command()
def show(letter_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show one dead letter with all that is known of it, as JSON."""
    found = on_storage(lambda storage: _find(storage, letter_id))
    if found is None:
        told_wrongly(f"there is no dead letter {letter_id}; see `notifier dead-letters list`")
    typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())


@app.command()
def redrive(
    letter_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All dead deliveries and unreadable records.")] = False,
    ambiguous: Annotated[
        bool, typer.Option(help="With --all: also those that may have been delivered. They may be said twice.")
    ] = False,
) -> None:
    """Try again. Whether a promise is still broken is looked at before anything is said."""
    if (letter_id is None) == (not every):
        told_wrongly("say which: an ID, or --all")
    outcome = on_storage(lambda storage: _redrive(storage, letter_id, ambiguous=ambiguous))
    for line in outcome:
        typer.echo(line)


async def _load(storage: Storage) -> tuple[Sequence[Delivery], Sequence[Letter]]:
    deliveries = await storage.book.find(
        states=[State.DEAD, State.AMBIGUOUS], lead=None, obligation=None, channel=None, before=None, limit=LIST_LIMIT
    )
    return deliveries, await storage.book.letters(limit=LIST_LIMIT)


async def _find(storage: Storage, letter_id: str) -> Delivery | Letter | None:
    if letter_id.startswith(LETTER_MARK):
        letters = await storage.book.letters(limit=LIST_LIMIT)
        return next((letter for letter in letters if f"{LETTER_MARK}{letter.id}" == letter_id), None)
    return await storage.book.get(letter_id)


async def _redrive(storage: Storage, letter_id: str | None, *, ambiguous: bool) -> list[str]:
    if letter_id is None:
        ids = await storage.book.to_redrive(ambiguous=ambiguous)
        letters = await storage.book.letters(limit=LIST_LIMIT)
        lines = [await _redrive_delivery(storage, each) for each in ids]
        lines += [await _redrive_record(storage, each) for each in letters]
        return [*lines, f"{len(ids)} deliveries, {len(letters)} records"]
    found = await _find(storage, letter_id)
    match found:
        case None:
            return [f"{letter_id}: there is no such dead letter"]
        case Letter():
            return [await _redrive_record(storage, found)]
        case Delivery():
            return [await _redrive_delivery(storage, found.id)]


async def _redrive_delivery(storage: Storage, delivery_id: str) -> str:
    try:
        await storage.book.redrive(delivery_id, now=clock.now())
    except TransitionError as error:
        return f"{delivery_id}: not redriven: {error}"
    return f"{delivery_id}: will be tried again"


async def _redrive_record(storage: Storage, letter: Letter) -> str:
    name = f"{LETTER_MARK}{letter.id}"
    try:
        taken = await storage.intake.take_aside(letter.value)
    except (msgspec.MsgspecError, UnicodeDecodeError, UnusableEventError) as error:
        return f"{name}: still can't be read: {error}"
    await storage.book.letter_redriven(letter, now=clock.now())
    return f"{name}: read; {taken.planned} deliveries planned"
