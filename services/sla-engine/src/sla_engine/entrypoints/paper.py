"""The agreement on paper: `check`, `judge` and `schema`, without database or stream."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from shared.events.lead import LeadEvent
from shared.events.sla import AnySlaEvent
from sla_engine.application.explained import Explanation
from sla_engine.application.explanation import explain
from sla_engine.application.joining import join_all, kept_promises
from sla_engine.application.reading import LeadRecord
from sla_engine.application.rehearsing import rehearse_all
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.agreement_faults import AgreementError
from sla_engine.domain.announced import Announced
from sla_engine.domain.editions import Editions, OpenChoice, judge_under
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from sla_engine.domain.obligation import Verdict
from sla_engine.domain.paper_faults import EventsError
from sla_engine.domain.rehearsal import Stage
from sla_engine.entrypoints.explanation_text import explanation_text
from sla_engine.entrypoints.paper_json import paper_json
from sla_engine.entrypoints.paper_table import print_agreement, print_announcements, print_verdicts

REFUSED = 2
"""The exit code when a file is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """How files are read; main hands in the adapters."""

    read_agreement: Callable[[Path], Agreement]
    read_events: Callable[[Path], list[LeadEvent]]
    schema: Callable[[], dict[str, Any]]


def register(app: typer.Typer, files: Files) -> None:
    """Add the commands to the service's command line."""

    @app.command()
    def check(file: Annotated[Path, typer.Argument(help="The agreement, a YAML file.")]) -> None:
        """Check an agreement; name every fault with its line, place and cure.

        Exit codes: 0 fit to be used, 2 refused.
        """
        print_agreement(_agreement(files, file))

    @app.command()
    def schema() -> None:
        """Print the JSON Schema of agreement files, for editors."""
        typer.echo(json.dumps(files.schema(), indent=2, ensure_ascii=False))

    @app.command(name="judge")
    def judge_(
        *,
        agreement: Annotated[Path, typer.Option(help="The agreement, a YAML file.")],
        events: Annotated[Path, typer.Option(help="Lead events, one JSON object a line; - reads standard input.")],
        then: Annotated[
            list[str] | None,
            typer.Option(
                help="A later edition, applied at an instant: next.yaml@2026-01-05T10:00Z, and after a comma what "
                "becomes of open promises: keep, recompute (unless said) or restart. May be given again."
            ),
        ] = None,
        at: Annotated[str, typer.Option(help="Judge at this instant: 2026-01-05T10:00Z, or `now`.")] = "now",
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
        announcements: Annotated[
            bool, typer.Option("--announcements", help="Say also what would have been announced, and when.")
        ] = False,
        why: Annotated[
            bool, typer.Option("--explain", help="Lay open each verdict: events, hours, sums, who is charged.")
        ] = False,
    ) -> None:
        """Judge leads by an agreement, on paper: no database, no stream.

        Facts after the instant do not count. Leads that were merged into another
        pass their history on to it. Announcements take each event as known from its
        received_at on.
        Exit codes: 0 judged, 2 a file or the instant was refused.
        """
        now = _instant(at, "--at")
        editions = _editions(_agreement(files, agreement), then or [], files)
        by = editions.known_at(to_us(now))
        leads = _by_lead(_events(files, events))
        histories = join_all(leads)
        verdicts = [kept_promises(judge_under(history, by, now), history) for history in histories.values()]
        stages = rehearse_all(leads, by, now) if announcements else {}
        said = [_said(stages.get(lead)) for lead in histories] if announcements else None
        whys = (
            [
                _explained(each, verdict, by, now, stages)
                for each, verdict in zip(histories.values(), verdicts, strict=True)
            ]
            if why
            else None
        )
        if as_json:
            typer.echo(paper_json(by.newest.agreement, now, verdicts, said, whys))
            return
        if whys is None:
            print_verdicts(by.newest.agreement, now, verdicts)
        else:
            typer.echo("\n\n".join(map(explanation_text, whys)))
        if said is not None:
            print_announcements(by.newest.agreement, _names(verdicts), [each for told in said for each in told])


def _said(stage: Stage | None) -> list[AnySlaEvent]:
    return [] if stage is None else stage.said


def _explained(
    history: History, verdict: Verdict, by: Editions, now: datetime, stages: Mapping[str, Stage]
) -> Explanation:
    """The explanation, with what would have been announced where that was asked for."""
    stage = stages.get(history.lead)
    record = LeadRecord(
        key=history.lead,
        name=verdict.lead_name,
        crm_url=verdict.crm_url,
        history=history,
        announced=Announced() if stage is None else stage.announced,
        provenance={},
    )
    return explain(record, by, now)


def _by_lead(events: Sequence[LeadEvent]) -> dict[str, list[LeadEvent]]:
    """The events of each lead, leads in the order of their first line."""
    leads: dict[str, list[LeadEvent]] = {}
    for event in events:
        leads.setdefault(event.lead, []).append(event)
    return leads


def _names(verdicts: Sequence[Verdict]) -> dict[str, str]:
    return {verdict.lead: verdict.lead_name for verdict in verdicts}


def _agreement(files: Files, file: Path) -> Agreement:
    try:
        return files.read_agreement(file)
    except AgreementError as error:
        _refuse(str(error))


def _events(files: Files, file: Path) -> list[LeadEvent]:
    try:
        events = files.read_events(file)
    except EventsError as error:
        _refuse(str(error))
    if not events:
        _refuse(f"{file}: there are no events in it. Write one JSON object a line")
    return events


def _editions(first: Agreement, then: Sequence[str], files: Files) -> Editions:
    """The first agreement and those that were applied later."""
    editions = Editions.only(first)
    for text in then:
        named, _, choice = text.partition(",")
        file, at, instant = named.rpartition("@")
        if not at or not file:
            _refuse(f'--then: "{text}" names no instant. Write it such as next.yaml@2026-01-05T10:00Z,keep')
        if choice and choice not in list(OpenChoice):
            _refuse(f'--then: "{choice}" is no choice. Write keep, recompute or restart after the comma')
        applied_us = to_us(_instant(instant, "--then"))
        if len(editions.all) > 1 and applied_us <= editions.newest.applied_us:
            _refuse(f"--then: {file} must be applied later than the edition before it. Give them in their order")
        editions = editions.followed_by(
            _agreement(files, Path(file)),
            applied_us=applied_us,
            open_=OpenChoice(choice) if choice else OpenChoice.RECOMPUTE,
        )
    return editions


def _instant(text: str, option: str) -> datetime:
    if text == "now":
        return datetime.now(UTC)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        _refuse(f'{option}: "{text}" is no instant. Write it such as 2026-01-05T10:00Z')
    if read.tzinfo is None:
        _refuse(f'{option}: "{text}" has no zone. Write 2026-01-05T10:00Z, or an offset such as +01:00')
    return read.astimezone(UTC)


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(REFUSED)
