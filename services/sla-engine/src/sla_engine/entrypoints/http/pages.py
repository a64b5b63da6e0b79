"""Pages for people, rendered on the server: no script, one style sheet of our own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, available_timezones

from fastapi import APIRouter, Query
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from sla_engine.application.compliance import kept
from sla_engine.application.explained import ObligationExplained
from sla_engine.application.explanation import exactly, explain
from sla_engine.application.in_force import InForce
from sla_engine.application.reading import ObligationFilter, Reader
from sla_engine.domain.agreement import DEFAULT_SEGMENT, Agreement
from sla_engine.entrypoints.http import wording
from sla_engine.entrypoints.http.reference import operations

SOON = 50
RECENT = 20
PERIOD = timedelta(days=28)
HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
"""Pages name leads: they are kept by nobody and embedded nowhere."""
STYLE_SHEET = "leadpact.css"

Zone = Annotated[str | None, Query(max_length=64, description="IANA zone in which times are shown.")]


@dataclass(frozen=True, kw_only=True)
class ReadersZone:
    """The zone in which a page shows times, and the one that was asked for, if any."""

    shown: ZoneInfo
    asked: str | None


@dataclass(kw_only=True)
class Bar:
    """A used-time bar: where the target lies, and stretches (start, width, the holder's place); all in percent."""

    target: float
    stretches: list[tuple[float, float, str]] = field(default_factory=list)


def make_pages(
    *, reader: Reader, in_force: InForce, clock: Callable[[], datetime], document: Callable[[], dict[str, Any]]
) -> APIRouter:
    """`/`, a page per lead, the API's reference (of the OpenAPI `document`), and their style sheet."""
    pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    render = _renderer(in_force)
    style = files("sla_engine.entrypoints.http").joinpath("static", STYLE_SHEET).read_bytes()

    @pages.get("/")
    async def home(zone: Zone = None) -> Response:
        now = clock()
        soon = await reader.obligations(
            ObligationFilter(states=["on_track", "at_risk", "paused"]), after=None, limit=SOON
        )
        broken = await reader.obligations(
            ObligationFilter(states=["breached", "met_late"], newest_first=True), after=None, limit=RECENT
        )
        tallies = await reader.compliance(now - PERIOD, now, clock=None, team=None)
        figures = [(tally, kept(tally)) for tally in tallies if tally.opened or tally.met or tally.breached]
        shown = _zone(zone, in_force.agreement.timezone)
        return render("home.html", now=now, zone=shown, soon=soon, broken=broken, figures=figures, most=SOON)

    @pages.get("/leads/{lead:path}")
    async def lead(lead: str, zone: Zone = None) -> Response:
        now = clock()
        record = await reader.lead(lead)
        if record is None:
            return render("missing.html", status=404, now=now, zone=_zone(zone, in_force.agreement.timezone), key=lead)
        explained = explain(record, in_force.editions, now)
        shown = _zone(zone, explained.timezone)
        bars = {each.id: _bar(each) for each in explained.obligations}
        return render("lead.html", now=now, zone=shown, lead=explained, bars=bars)

    @pages.get("/docs")
    async def reference(zone: Zone = None) -> Response:
        described = document()
        return render(
            "reference.html",
            now=clock(),
            zone=_zone(zone, in_force.agreement.timezone),
            description=described["info"]["description"],
            document_url="/api/v1/openapi.json",
            operations=list(operations(described)),
        )

    @pages.get(f"/static/{STYLE_SHEET}")
    async def style_sheet() -> Response:
        return Response(style, media_type="text/css", headers={"cache-control": "max-age=300"})

    return pages


def _renderer(in_force: InForce) -> Callable[..., Response]:
    environment = Environment(
        loader=PackageLoader("sla_engine.entrypoints.http"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=wording.duration, exactly=exactly, percent=wording.percent, origin=wording.origin
    )
    environment.globals.update(states=wording.STATES, default_segment=DEFAULT_SEGMENT)

    def render(template: str, *, now: datetime, zone: ReadersZone, status: int = 200, **values: object) -> Response:
        agreement = in_force.agreement
        page = environment.get_template(template).render(
            now=now,
            agreement=agreement,
            clock_names={clock.id: clock.name for each in in_force.editions.all for clock in each.agreement.clocks},
            zone=zone.shown.key,
            link=partial(_link, zone=zone.asked),
            zones=list(dict.fromkeys([zone.shown.key, agreement.timezone, *_team_zones(agreement), "UTC"])),
            instant=partial(wording.instant, zone=zone.shown, now=now),
            relative=partial(wording.relative, now=now),
            **values,
        )
        return HTMLResponse(page, status_code=status, headers=HEADERS)

    return render


def _team_zones(agreement: Agreement) -> list[str]:
    return sorted({team.zone for team in agreement.teams.values()})


def _zone(asked: str | None, otherwise: str) -> ReadersZone:
    """The zone that the reader asked for, or the team's. An unknown one is not worth an error."""
    known = asked if asked is not None and asked in available_timezones() else None
    return ReadersZone(shown=ZoneInfo(known or otherwise), asked=known)


def _link(*parts: str, zone: str | None) -> str:
    """A path of ours; a zone that was asked for is kept."""
    path = "/" + "/".join(quote(part, safe=":") for part in parts)
    return path if zone is None else f"{path}?zone={quote(zone)}"


def _bar(obligation: ObligationExplained) -> Bar:
    """What each holder used, on a scale on which 100 is the target, or what was used where that is more.

    The scale ends at four times the target: beyond it, a bar would say no more.
    """
    whole = max(obligation.target_seconds, min(obligation.business_seconds, 4 * obligation.target_seconds))
    bar, start = Bar(target=100 * obligation.target_seconds / whole if whole else 100.0), 0.0
    for at, turn in enumerate(obligation.turns):
        width = min(100 * turn.business_seconds / whole if whole else 0.0, 100 - start)
        bar.stretches.append((round(start, 2), round(width, 2), str(at % 4)))
        start += width
    return bar
