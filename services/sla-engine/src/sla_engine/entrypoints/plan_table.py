"""A plan as tables that read well on a terminal of 80 columns, and editions as a list."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sla_engine.application.forecast import Example, Outlook, Tally
from sla_engine.application.in_force import Applied
from sla_engine.application.planning import Plan
from sla_engine.domain.editions import OpenChoice

WIDTH = 100
MEANINGS = {
    OpenChoice.KEEP: "open promises stay under the edition they have; those of removed clocks end",
    OpenChoice.RECOMPUTE: "open promises are judged by the new edition from their start on",
    OpenChoice.RESTART: "open promises are judged by the new edition, their clocks start anew now",
}
COLUMNS = {
    "open": "open",
    "stays": "same",
    "earlier": "earlier",
    "later": "later",
    "at_risk": "at risk",
    "broken": "broken",
    "mended": "mended",
    "cancelled": "ended",
    "done": "kept",
    "excused": "excused",
    "corrected": "closed*",
}
"""What a plan counts, and how it is headed; columns of noughts are left out."""
ALWAYS_SHOWN = ("open", "stays", "earlier", "later", "at_risk", "broken", "cancelled")


def print_plan(plan: Plan) -> None:
    """What differs, then for each choice the counts and some examples."""
    console = _console()
    was = f"edition {plan.edition} ({plan.version}) is in force" if plan.edition else "nothing was applied yet"
    console.print(f"[bold]{escape(plan.name)}[/bold]: {was}; proposed: {plan.proposed}")
    if not plan.edition:
        console.print("It becomes the first edition, and applies from the beginning of time.")
        return
    if plan.nothing_new:
        console.print("[green]Nothing would change:[/green] this very content is in force.")
        return
    if plan.applied_before:
        console.print("[yellow]This goes back to content that was applied before.[/yellow]")
    console.print(f"\n[bold]What differs[/bold] ({len(plan.differences)})")
    for line in plan.differences:
        console.print(f"  {escape(line)}", soft_wrap=True)
    console.print(f"\n{plan.leads} leads have promises that are open or that an exception may concern.")
    for outlook in plan.outlooks:
        _print_outlook(console, plan, outlook)


def _print_outlook(console: Console, plan: Plan, outlook: Outlook) -> None:
    console.print(f"\n[bold]--open={outlook.choice.value}[/bold]: {MEANINGS[outlook.choice]}")
    shown = [
        column
        for column in COLUMNS
        if column in ALWAYS_SHOWN or any(getattr(tally, column) for tally in outlook.clocks.values())
    ]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("clock")
    for column in shown:
        table.add_column(COLUMNS[column], justify="right")
    for clock, tally in outlook.clocks.items():
        table.add_row(escape(plan.clock_names.get(clock, clock)), *[_figure(tally, column) for column in shown])
    console.print(table)
    if "corrected" in shown:
        console.print("[dim]  * promises that are over, and that an exception makes count otherwise[/dim]")
    zone = ZoneInfo(plan.timezone)
    if outlook.examples:
        console.print(f"  for example (times in {plan.timezone}):")
    for example in outlook.examples:
        console.print(_example(plan, example, zone), soft_wrap=True)


def _figure(tally: Tally, column: str) -> str:
    count = getattr(tally, column)
    style = {"broken": "bold red", "at_risk": "yellow", "cancelled": "yellow"}.get(column)
    return f"[{style}]{count}[/]" if count and style else str(count) if count else "[dim]0[/dim]"


def _example(plan: Plan, example: Example, zone: ZoneInfo) -> str:
    """Two lines, so that they stay within 80 columns."""
    what = ", ".join(COLUMNS[word].rstrip("*") for word in example.what)
    before, after = example.deadline_before.astimezone(zone), example.deadline_after.astimezone(zone)
    due = f"{before:%Y-%m-%d %H:%M:%S}"
    if after != before:
        due += f" → {after:%Y-%m-%d %H:%M:%S}"
    states = example.state_before.value.replace("_", " ")
    if example.state_after is not example.state_before:
        states += f" → {example.state_after.value.replace('_', ' ')}"
    named = example.lead_name if example.lead_name == example.lead else f"{example.lead_name} ({example.lead})"
    clock = plan.clock_names.get(example.clock, example.clock)
    return f"  [dim]{what}:[/dim] {escape(clock)} of {escape(named)}\n      due {due}; {states}"


def print_editions(listed: Sequence[Applied], progress: Mapping[str | None, int], now: datetime) -> None:
    """Editions, newest first, and how far open promises were judged again."""
    console = _console()
    if not listed:
        console.print("Nothing was applied yet: the engine applies its file when it starts.")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for title in ("edition", "version", "applied (UTC)", "open promises", "by"):
        table.add_column(title)
    for each in listed:
        open_ = "" if each.number == 1 else each.open.value
        applied = f"{each.applied_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(each.number), each.version, applied, open_, escape(each.applied_by))
    console.print(table)
    newest = f"{listed[0].number} {listed[0].version}"
    done, partitions = progress.get(newest, 0), sum(progress.values())
    console.print(f"open promises judged under the newest: {done} of {partitions} partitions, {now:%H:%M:%S} UTC")


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=WIDTH, highlight=False)
