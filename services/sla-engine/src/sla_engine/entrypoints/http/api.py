"""The JSON API under /api/v1."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import AwareDatetime

from sla_engine.application.compliance import kept
from sla_engine.application.explained import Explanation
from sla_engine.application.explanation import explain
from sla_engine.application.in_force import InForce
from sla_engine.application.reading import FiledObligation, ObligationFilter, Place, Reader, Tally
from sla_engine.entrypoints.http import schemas
from sla_engine.entrypoints.http.cursor import from_cursor, to_cursor

DEFAULT_PERIOD = timedelta(days=28)
MOST_PER_PAGE = 500
STATES = ("on_track", "at_risk", "breached", "met", "met_late", "cancelled", "paused", "excused", "withdrawn")

Limit = Annotated[int, Query(ge=1, le=MOST_PER_PAGE, description="Items on the page.")]
Cursor = Annotated[str | None, Query(description="next_cursor of the page before.")]
LeadKey = Annotated[str, Path(description="The lead's key, such as hubspot:4711:1001.")]
ClockId = Annotated[str | None, Query(max_length=200, description="Id of a clock, such as first_touch.")]
TeamName = Annotated[str | None, Query(max_length=200, description="Name of a team, as the agreement writes it.")]
Instant = Annotated[AwareDatetime | None, Query(description="With a zone, such as 2026-01-05T09:00:00Z.")]


def make_api(*, reader: Reader, in_force: InForce, clock: Callable[[], datetime]) -> APIRouter:
    """The routes. Lead keys hold colons and may hold slashes: give them as they are or percent-encoded."""
    api = APIRouter(prefix="/api/v1")
    _add_leads(api, reader, in_force, clock)
    _add_obligations(api, reader)
    _add_compliance(api, reader, clock)
    return api


def _add_leads(api: APIRouter, reader: Reader, in_force: InForce, clock: Callable[[], datetime]) -> None:
    @api.get("/leads", tags=["leads"], summary="Leads, by name or key")
    async def leads(
        search: Annotated[str | None, Query(max_length=200, description="A key, or a part of a name.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> schemas.LeadPage:
        found = await reader.leads(search, after=from_cursor(cursor, int), limit=limit + 1)
        return schemas.LeadPage(
            items=[schemas.LeadSummary.model_validate(lead) for lead in found[:limit]],
            next_cursor=to_cursor(found[limit - 1].id) if len(found) > limit else None,
        )

    async def explained(lead: str) -> schemas.Explanation:
        record = await reader.lead(lead)
        if record is None:
            raise HTTPException(404, f"no event of a lead with the key {lead!r} has been seen")
        return explanation(explain(record, in_force.editions, clock()))

    # Before the route of the lead itself, which would take the last word for a part of the key.
    @api.get("/leads/{lead:path}/explain", tags=["leads"], summary="Why each verdict on a lead is what it is")
    async def explain_lead(lead: LeadKey) -> schemas.Explanation:
        return await explained(lead)

    @api.get("/leads/{lead:path}", tags=["leads"], summary="One lead, judged now, with its timeline")
    async def lead(lead: LeadKey) -> schemas.Explanation:
        return await explained(lead)


def _add_obligations(api: APIRouter, reader: Reader) -> None:
    @api.get("/obligations", tags=["obligations"], summary="Promises by filters, soonest deadline first")
    async def obligations(
        *,
        state: Annotated[list[str] | None, Query(description=f"One or more of {', '.join(STATES)}.")] = None,
        clock: ClockId = None,
        team: TeamName = None,
        owner: Annotated[
            str | None, Query(max_length=200, description="Id of who holds the clock, or is charged.")
        ] = None,
        lead: Annotated[str | None, Query(max_length=200, description="Key of the lead.")] = None,
        deadline_from: Instant = None,
        deadline_to: Instant = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> schemas.ObligationPage:
        unknown = sorted(set(state or ()) - set(STATES))
        if unknown:
            raise HTTPException(400, f"state: {', '.join(unknown)} is none of {', '.join(STATES)}")
        wanted = ObligationFilter(
            states=state,
            clock=clock,
            team=team,
            owner=owner,
            lead=lead,
            deadline_from=deadline_from,
            deadline_to=deadline_to,
        )
        found = await reader.obligations(wanted, after=_place(cursor), limit=limit + 1)
        more = len(found) > limit
        last = Place(deadline=found[limit - 1].deadline, id=found[limit - 1].id) if more else None
        return schemas.ObligationPage(
            items=[obligation(each) for each in found[:limit]], next_cursor=None if last is None else to_cursor(last)
        )

    @api.get("/obligations/{obligation_id}", tags=["obligations"], summary="One promise, as last committed")
    async def one(obligation_id: Annotated[str, Path(description="As in lists and SLA events.")]) -> schemas.Obligation:
        found = await reader.obligation(obligation_id)
        if found is None:
            raise HTTPException(404, f"there is no promise with the id {obligation_id!r}")
        return obligation(found)


def _add_compliance(api: APIRouter, reader: Reader, clock: Callable[[], datetime]) -> None:
    @api.get("/compliance", tags=["compliance"], summary="How promises were kept, per clock and team")
    async def compliance(
        start: Annotated[
            AwareDatetime | None, Query(alias="from", description="28 days before the end if unset.")
        ] = None,
        end: Annotated[AwareDatetime | None, Query(alias="to", description="Exclusive; now if unset.")] = None,
        which: Annotated[
            str | None, Query(alias="clock", max_length=200, description="Id of a clock, such as first_touch.")
        ] = None,
        team: TeamName = None,
    ) -> schemas.ComplianceReport:
        since, until = _period(start, end or clock())
        tallies = await reader.compliance(since, until, clock=which, team=team)
        return schemas.ComplianceReport(start=since, end=until, items=[_compliance(tally) for tally in tallies])


def _period(start: datetime | None, end: datetime) -> tuple[datetime, datetime]:
    try:
        until = end.astimezone(UTC)
        since = (start or until - DEFAULT_PERIOD).astimezone(UTC)
    except OverflowError as error:
        raise HTTPException(400, "from, to: must lie in the years 1 to 9999, in UTC") from error
    if since >= until:
        raise HTTPException(400, "from: must lie before `to`")
    return since, until


def explanation(value: Explanation) -> schemas.Explanation:
    """An explanation as JSON."""
    return schemas.Explanation.model_validate(value)


def obligation(filed: FiledObligation) -> schemas.Obligation:
    """A filed promise as JSON."""
    last = None
    if filed.said_event is not None:
        last = schemas.LastAnnouncement(
            event=filed.said_event,
            transition=str(filed.said_transition),
            occurred_at=filed.said_occurred_at or filed.started_at,
            announced_at=filed.said_at or filed.started_at,
            retracted=filed.said_retracted,
        )
    fields = {name: getattr(filed, name) for name in filed.__struct_fields__ if not name.startswith("said_")}
    return schemas.Obligation(**fields, last_announcement=last, retracted=filed.said_retracted is not None)


def _compliance(tally: Tally) -> schemas.Compliance:
    share = kept(tally)
    figures = {name: getattr(tally, name) for name in tally.__struct_fields__}
    return schemas.Compliance(
        **figures,
        ratio=None if share is None else share.ratio,
        ratio_low=None if share is None else share.low,
        ratio_high=None if share is None else share.high,
    )


def _place(cursor: str | None) -> Place | None:
    place = from_cursor(cursor, Place)
    if place is not None:
        try:
            UUID(place.id)
        except ValueError as error:
            raise HTTPException(400, "cursor: not one that this API gave out; ask again without it") from error
    return place
