"""Verdicts, announcements and agreements as tables that read well at 100 columns, and on a terminal of 80."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.events.sla import AnySlaEvent, ObligationAtRisk, event_type
from sla_engine.domain.agreement import Agreement, CalendarOf, Effect
from sla_engine.domain.durations import say
from sla_engine.domain.instants import from_us
from sla_engine.domain.obligation import Obligation, State, Verdict
from sla_engine.domain.wording import clock_time

WIDTH = 100
_STYLES = {
    State.ON_TRACK: "green",
    State.AT_RISK: "yellow",
    State.BREACHED: "bold red",
    State.MET: "green",
    State.MET_LATE: "red",
    State.CANCELLED: "dim",
    State.PAUSED: "dim",
    State.EXCUSED: "dim",
}


def print_verdicts(agreement: Agreement, now: datetime, verdicts: Sequence[Verdict]) -> None:
    """Each lead with its promises, and under each promise who held it and for how long."""
    console = _console()
    times = _Times(agreement.timezone, now, weekday=console.width >= WIDTH)
    console.print(f"[bold]{escape(agreement.name)}[/bold], version {agreement.version}, judged {times.whole(now)}")
    for verdict in verdicts:
        named = "" if verdict.lead_name == verdict.lead else f" [dim]{escape(verdict.lead)}[/dim]"
        console.print(f"\n[bold underline]{escape(verdict.lead_name)}[/]{named}")
        if not verdict.obligations:
            console.print("  no promise has begun: the lead has not been in a qualified stage by then")
            continue
        heads = _row(console, "", ("from", "due", "to"), ("business", "wall"))
        console.print(f"[dim]{heads}[/dim]")
        for each in verdict.obligations:
            _print_obligation(console, each, times, newest=agreement.version)


def _print_obligation(console: Console, each: Obligation, times: "_Times", *, newest: str) -> None:
    cycle = (f" #{each.cycle}" if each.cycle > 1 else "") + (f" round {each.round}" if each.round > 1 else "")
    segment = "" if each.segment == "default" else f", {each.segment}"
    said = [each.reason] if each.reason else []
    if each.breach is not None:
        said.append(f"breached {times.us(each.breach.at_us)}")
        if each.breach.holder != each.breach.holders[-1].holder:
            said.append(f"charged to {each.breach.holder.name}")
    if each.excuse is not None and each.excuse.author:
        said.append(f"excused by {each.excuse.author}")
    if each.agreement_version != newest:
        said.append(f"by version {each.agreement_version}")
    reason = f" [dim]{escape('; '.join(said))}[/dim]" if said else ""
    state = f"[{_STYLES[each.state]}]{each.state.value.replace('_', ' ')}[/]"
    console.print(
        f"[bold]{escape(each.clock_name)}{cycle}[/bold] ({escape(each.target_text + segment)}): {state}{reason}"
    )
    done = "" if each.stopped_us is None else times.us(each.stopped_us)
    spans = (times.us(each.started_us), times.us(each.deadline_us), done)
    console.print(escape(_row(console, "the clock", spans, (_stopwatch(each.business_us), _stopwatch(each.wall_us)))))
    for holding in each.holders:
        end = "" if holding.to_us is None else times.us(holding.to_us)
        used = (_stopwatch(holding.business_us), _stopwatch(holding.wall_us))
        row = _row(console, holding.holder.name, (times.us(holding.since_us), "", end), used)
        console.print(f"[dim]{escape(row)}[/dim]")


def _row(console: Console, label: str, spans: tuple[str, str, str], used: tuple[str, str]) -> str:
    """One line of WIDTH columns, or of 80 on a narrower terminal."""
    wide, span_wide = (22, 19) if console.width >= WIDTH else (15, 15)
    shown = label if len(label) <= wide else f"{label[: wide - 1]}…"
    columns = (*(f"{span:<{span_wide}}" for span in spans), *(f"{each:>9}" for each in used))
    return "".join((f"  {shown:<{wide}}", *columns)).rstrip()


def _stopwatch(duration_us: int) -> str:
    """Hours, minutes and seconds: 5:20:00."""
    whole = duration_us // 1_000_000
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def print_announcements(agreement: Agreement, names: Mapping[str, str], said: Sequence[AnySlaEvent]) -> None:
    """What would have been announced, in the order of the announcements."""
    console = _console()
    if not said:
        console.print("\nNothing would have been announced.")
        return
    ordered = sorted(said, key=lambda each: each.announced_at)
    times = _Times(agreement.timezone, ordered[-1].announced_at)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title="Announced", title_justify="left")
    table.add_column("at", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("said", overflow="fold")
    for each in ordered:
        what = event_type(each).removeprefix("obligation.").replace("_", " ")
        if isinstance(each, ObligationAtRisk):
            what += f" {each.warning}"
        late = " [dim](late)[/dim]" if each.late else ""
        table.add_row(times.at(each.announced_at), what + late, escape(each.summary))
    console.print()
    console.print(table)
    if len(names) > 1:
        console.print(f"[dim]{len(names)} leads, {len(ordered)} announcements[/dim]")


def print_agreement(agreement: Agreement) -> None:
    """What a sound agreement promises."""
    console = _console()
    console.print(f"[green]fit to be used[/green]: [bold]{escape(agreement.name)}[/bold], version {agreement.version}")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for title in ("clock", "segment", "target", "calendar", "warned at", "settles"):
        table.add_column(title)
    for clock in agreement.clocks:
        for _, target in clock.targets:
            table.add_row(
                escape(clock.name),
                escape(target.segment),
                ", ".join(due.text for due in target.due) or "nothing promised",
                _calendar(target.calendar or clock.calendar),
                ", ".join(warning.name for warning in clock.warnings) or "none",
                say(clock.settle_us),
            )
    console.print(table)
    calendars = ", ".join(f"{each.name} ({each.zone})" for each in agreement.calendars.values())
    people = len({person.id for person in agreement.people.values()})
    console.print(f"teams: {escape(', '.join(agreement.teams) or 'none')}; people known to a CRM: {people}")
    console.print(f"calendars: {escape(calendars)}")
    for window in agreement.exceptions:
        times = " – ".join(clock_time(from_us(at_us), agreement.timezone) for at_us in (window.from_us, window.to_us))
        what = "no time counts" if window.effect is Effect.PAUSE else "misses are excused"
        console.print(escape(f"exception: {what} {times}: {window.reason} (by {window.author})"))
    away = ", ".join(f"{person}: {len(told)}" for person, told in agreement.declared.get("absences_read", {}).items())
    if away:
        console.print(escape(f"absences read from calendars: {away}"))


def _calendar(choice: CalendarOf | str) -> str:
    return f"of the {choice.value}" if isinstance(choice, CalendarOf) else escape(choice)


class _Times:
    """Instants by the agreement's wall clock; the year only where it is not the year of `now`."""

    def __init__(self, zone: str, now: datetime, *, weekday: bool = True) -> None:
        self._zone = ZoneInfo(zone)
        self._weekday = "%a " if weekday else ""
        self._year = now.astimezone(self._zone).year

    def at(self, instant: datetime) -> str:
        local = instant.astimezone(self._zone)
        day = local.strftime(self._weekday + ("%m-%d" if local.year == self._year else "%Y-%m-%d"))
        return f"{day} {local:%H:%M:%S}" if local.second else f"{day} {local:%H:%M}"

    def us(self, instant_us: int) -> str:
        return self.at(from_us(instant_us))

    def whole(self, instant: datetime) -> str:
        return f"{instant.astimezone(self._zone):%a %Y-%m-%d %H:%M:%S} ({self._zone.key})"


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=WIDTH, highlight=False)
