"""Whoever holds a clock: as whom they are named, by whose calendar they are measured, and whom a miss concerns."""

from dataclasses import dataclass

from shared.events.envelope import Owner, OwnerKind
from shared.events.sla import Escalation, Party
from sla_engine.domain.agreement import Agreement, CalendarOf, Clock, HeldBy, Person, Team
from sla_engine.domain.calendar import Calendar

_REMEMBERED = 20_000
"""So many seats are remembered (a few hundred bytes each); owners are few, leads are many."""


# Bound once: in Python 3.11 each look at a member of an enum is a call.
_USER = OwnerKind.USER
_TEAM = OwnerKind.TEAM


@dataclass(frozen=True, slots=True)
class Seat:
    """A place from which a clock is held. `owner` and `team` are what conditions of segments ask about."""

    holder: Party
    calendar: Calendar
    escalation: Escalation | None
    owner: str | None
    team: str | None


def seat(
    agreement: Agreement, clock: Clock, source: str, owner: Owner | None, choice: CalendarOf | str | None = None
) -> Seat:
    """The seat of an owner at a clock; None is nobody, and then marketing holds it. Remembered by the agreement.

    `choice` is whose calendar counts, where it is not the clock's.
    """
    # Plain texts: hashing an enum or a struct that holds one calls Python again.
    key = (
        (clock.id, source, choice)
        if owner is None
        else (
            clock.id,
            source,
            choice,
            owner.kind is _USER,
            owner.kind is _TEAM,
            owner.id,
            owner.name,
            owner.team,
        )
    )
    found = agreement.seats.get(key)
    if found is None:
        if len(agreement.seats) >= _REMEMBERED:
            agreement.seats.clear()
        found = agreement.seats[key] = _seat(agreement, clock, source, owner, choice or clock.calendar)
    assert isinstance(found, Seat)
    return found


def _seat(agreement: Agreement, clock: Clock, source: str, owner: Owner | None, choice: CalendarOf | str) -> Seat:
    if not isinstance(clock.held_by, HeldBy):
        return _team_seat(agreement, clock, agreement.teams[clock.held_by], choice)
    person = agreement.person(source, owner.id) if owner is not None and owner.kind is _USER else None
    team = agreement.team_of(source, owner)
    nobody = owner is None or clock.held_by is HeldBy.MARKETING
    holder = agreement.marketing if nobody or owner is None else _party(owner, person, team)
    return Seat(
        holder=holder,
        calendar=_calendar(agreement, choice, person, team),
        escalation=_escalation(agreement, clock, holder),
        owner=person.id if person is not None else owner.id if owner is not None else None,
        team=team.name if team is not None else None,
    )


def _team_seat(agreement: Agreement, clock: Clock, team: Team, choice: CalendarOf | str) -> Seat:
    holder = Party(
        id=team.name, name=team.name, kind=OwnerKind.TEAM, team=team.name, zone=team.zone, slack=team.channel
    )
    return Seat(
        holder=holder,
        calendar=_calendar(agreement, choice, None, team),
        escalation=_escalation(agreement, clock, holder),
        owner=None,
        team=team.name,
    )


def _party(owner: Owner, person: Person | None, team: Team | None) -> Party:
    """The owner by the best name there is: the agreement's, the event's, the CRM's id."""
    if person is not None:
        return person.party
    return Party(
        id=owner.id,
        name=owner.name or owner.id,
        kind=owner.kind,
        team=team.name if team is not None else owner.team,
        zone=team.zone if team is not None else None,
        slack=team.channel if team is not None and owner.kind is not _USER else None,
    )


def _calendar(agreement: Agreement, choice: CalendarOf | str, person: Person | None, team: Team | None) -> Calendar:
    if not isinstance(choice, CalendarOf):
        return agreement.calendars[choice]
    if choice is CalendarOf.OWNER and person is not None:
        return person.calendar
    return agreement.default_calendar if team is None else team.calendar


def _escalation(agreement: Agreement, clock: Clock, holder: Party) -> Escalation | None:
    named = clock.escalate_to or holder.team
    team = agreement.teams.get(named) if named else None
    team = team or agreement.sales_team
    return None if team is None else team.escalation
