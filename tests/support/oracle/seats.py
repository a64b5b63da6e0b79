"""Who holds a clock from when on, in which hours."""

import datetime as dt
from dataclasses import dataclass, replace

from shared.events.envelope import Owner, OwnerKind
from tests.support.oracle.conditions import team_of
from tests.support.oracle.declared import Agreement, Clock, Member, Target, Window
from tests.support.oracle.paper import MARKETING
from tests.support.oracle.runs import Run
from tests.support.oracle.wall_clock import Hours


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A holder from an instant on; `hours` None: every hour counts. `away`: absences, by the wall clock of a zone."""

    since: dt.datetime
    holder: str
    team: str
    hours: Hours | None
    away: tuple[Window, ...] = ()
    away_zone: str = "UTC"


def seats(run: Run, clock: Clock, target: Target, agreement: Agreement) -> list[Seat]:
    """Every holder in turn; one alone where the clock says who holds it."""
    if clock.held_by == "owner":
        return [_seat(at, owner, clock, target, agreement) for at, owner in run.owners]
    if clock.held_by == "marketing":
        return [_seat(run.start, None, clock, target, agreement)]
    team = clock.held_by
    seat = Seat(since=run.start, holder=team, team=team, hours=None)
    name = target.calendar or clock.calendar
    if name == "always":
        return [seat]
    return [replace(seat, hours=agreement.hours[agreement.teams[team] if name in {"team", "owner"} else name])]


def _seat(at: dt.datetime, owner: Owner | None, clock: Clock, target: Target, agreement: Agreement) -> Seat:
    person = agreement.person(owner.id) if owner is not None and owner.kind is OwnerKind.USER else None
    team = team_of(owner, agreement)
    holder = MARKETING if owner is None else owner.id if person is None else person.id
    seat = Seat(since=at, holder=holder, team=team, hours=None)
    name = target.calendar or clock.calendar
    if name == "always":
        return seat
    if name == "owner" and person is not None:
        own = _own(person, agreement)
        return replace(seat, hours=own, away=person.absences, away_zone=person.zone or own.zone)
    return replace(seat, hours=agreement.hours[agreement.teams[team] if name in {"team", "owner"} else name])


def _own(person: Member, agreement: Agreement) -> Hours:
    if person.hours is not None:
        return agreement.hours[person.hours]
    team_hours = agreement.teams[person.team]
    return agreement.hours[team_hours] if person.zone is None else agreement.hours_in(team_hours, person.zone)
