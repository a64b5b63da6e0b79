"""From the shape of an agreement file to the agreement the engine uses: names resolved, calendars proved usable.

A name that means nothing is noted and stood in for, so that all faults are found in one reading.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from shared.events.sla import Party
from sla_engine.adapters import agreement_schema as schema
from sla_engine.adapters.calendar_build import build_calendars
from sla_engine.adapters.clock_build import Around, Reach, build_clocks
from sla_engine.adapters.condition_build import build_condition
from sla_engine.adapters.exception_build import absences, build_exceptions
from sla_engine.adapters.faults import Faults
from sla_engine.adapters.moment_build import Names
from sla_engine.adapters.yaml_lines import Lines, Path
from sla_engine.adapters.zones import known_zones
from sla_engine.domain.agreement import Agreement, Person, Segment, Team
from sla_engine.domain.calendar import Calendar
from sla_engine.domain.calendar_spec import ClosedWindow
from sla_engine.domain.calendar_year import first_instant, last_instant
from sla_engine.domain.instants import DAY, from_us


def build(
    read: schema.AgreementFile,
    declared: Mapping[str, Any],
    lines: Lines,
    *,
    file: str,
    version: str,
    today: dt.date,
) -> Agreement:
    """The agreement, or `AgreementError` with every fault of meaning."""
    faults = Faults(lines)
    today_us = (today - dt.date(1970, 1, 1)).days * DAY
    timezone = read.agreement.timezone
    faults.zone(("agreement", "timezone"), timezone)
    calendars = build_calendars(read, faults, today_us)
    teams_of = _Roster(read, faults).teams_of()
    default = _default_calendar(read, calendars, faults)
    zoned = _Zoned(calendars)
    people = [
        _with_absences(_person(entry, teams_of, read, zoned, default), entry, read, ("people", at), faults)
        for at, entry in enumerate(read.people)
    ]
    by_name = {name: person for person in people for name in (person.id, person.name)}
    teams = {entry.name: _team(entry, by_name, read, zoned, default) for entry in read.teams}
    segments = tuple(
        Segment(
            name=entry.name,
            condition=build_condition(entry.when, ("segments", at, "when"), faults, by_name, teams),
            line=faults.lines.of(("segments", at)),
        )
        for at, entry in enumerate(read.segments)
    )
    reach = Reach(
        calendars, [person.calendar for person in people], [team.calendar for team in teams.values()], default, today_us
    )
    names = Names(by_name, teams, tuple(read.clocks))
    clocks = build_clocks(Around(read, segments, names, reach, faults))
    exceptions = build_exceptions(read, faults)
    starts_us, ends_us = _term(read, faults)
    marketing_team = teams.get(read.parties.marketing.team or "")
    faults.stop_if_any(file)
    return Agreement(
        name=read.agreement.name,
        version=version,
        timezone=timezone,
        qualified_stages=frozenset(stage.casefold() for stage in read.stages.qualified),
        closing_dispositions=frozenset(word.casefold() for word in read.stages.closing_dispositions),
        clocks=clocks,
        segments=segments,
        calendars=calendars,
        default_calendar=default,
        people={key: person for person in people for key in person.crm_ids},
        teams=teams,
        teams_by_queue={queue: team for team in teams.values() for queue in team.queues},
        marketing=Party(
            id="marketing",
            name=read.parties.marketing.name,
            team=marketing_team.name if marketing_team else None,
            zone=marketing_team.zone if marketing_team else None,
            slack=marketing_team.channel if marketing_team else None,
        ),
        marketing_team=marketing_team,
        sales_team=teams.get(read.parties.sales.team or "") or next(iter(teams.values()), None),
        exceptions=exceptions,
        starts_us=starts_us,
        ends_us=ends_us,
        declared=declared,
    )


def _term(read: schema.AgreementFile, faults: Faults) -> tuple[int | None, int | None]:
    """From the first day's beginning to the last day's end, in the agreement's zone."""
    term = read.agreement.term
    if term is None or read.agreement.timezone not in known_zones():
        return None, None
    if term.from_ is not None and term.to is not None and term.to < term.from_:
        faults.add(("agreement", "term"), "ends before it begins", "Write the later day under to")
    zone = ZoneInfo(read.agreement.timezone)
    first = None if term.from_ is None else dt.datetime.combine(term.from_, dt.time())
    after = None if term.to is None else dt.datetime.combine(term.to + dt.timedelta(days=1), dt.time())
    return (
        None if first is None else first_instant(first, zone),
        None if after is None else first_instant(after, zone),
    )


class _Roster:
    """Who is who: finds names written twice and names of nobody."""

    def __init__(self, read: schema.AgreementFile, faults: Faults) -> None:
        self._read = read
        self._faults = faults
        self._people = {name: entry for entry in read.people for name in (entry.name, entry.id or entry.name)}
        self._check_people()
        self._check_teams()
        for at, contact in enumerate(read.contacts):
            faults.known(("contacts", at, "person"), contact.person, self._people, "person")
        parties = read.parties
        named: list[tuple[Path, schema.Party]] = [(("marketing",), parties.marketing), (("sales",), parties.sales)]
        for path, party in [*named, *((("others", at), party) for at, party in enumerate(parties.others))]:
            teams = [entry.name for entry in read.teams]
            faults.known(("parties", *path, "team"), party.team, teams, "team")

    def teams_of(self) -> dict[str, str]:
        """The team of each person, by the person's name; the first in the file, should there be two."""
        found: dict[str, str] = {}
        for team in self._read.teams:
            for member in team.members:
                if member in self._people:
                    found.setdefault(self._people[member].name, team.name)
        return found

    def _check_people(self) -> None:
        seen: dict[str, str] = {}
        for at, entry in enumerate(self._read.people):
            for key in {entry.name, entry.id or entry.name, *entry.crm}:
                if seen.setdefault(key, entry.name) != entry.name:
                    cure = f"{seen[key]} has it already; give each person their own"
                    self._faults.add(("people", at), f'"{key}" names two people', cure)
            self._faults.zone(("people", at, "zone"), entry.zone)
            self._faults.known(("people", at, "calendar"), entry.calendar, self._read.calendars, "calendar")

    def _check_teams(self) -> None:
        seen: set[str] = set()
        for at, entry in enumerate(self._read.teams):
            if entry.name in seen:
                self._faults.add(("teams", at, "name"), f'there are two teams "{entry.name}"', "Join them")
            seen.add(entry.name)
            self._faults.zone(("teams", at, "zone"), entry.zone)
            self._faults.known(("teams", at, "calendar"), entry.calendar, self._read.calendars, "calendar")
            self._faults.known(("teams", at, "manager"), entry.manager, self._people, "person")
            for number, member in enumerate(entry.members):
                self._faults.known(("teams", at, "members", number), member, self._people, "person")


class _Zoned:
    """Calendars in other zones, each made once."""

    def __init__(self, calendars: Mapping[str, Calendar]) -> None:
        self.calendars = calendars
        self._made: dict[tuple[str, str], Calendar] = {}

    def in_zone(self, calendar: Calendar, zone: str | None) -> Calendar:
        if zone is None or zone == calendar.zone:
            return calendar
        if zone not in known_zones():
            return calendar  # noted as a fault already
        key = (calendar.name, zone)
        if key not in self._made:
            self._made[key] = Calendar(calendar.spec.in_zone(zone))
        return self._made[key]


def _default_calendar(read: schema.AgreementFile, calendars: Mapping[str, Calendar], faults: Faults) -> Calendar:
    named = read.agreement.calendar
    faults.known(("agreement", "calendar"), named, calendars, "calendar")
    return calendars.get(named or "") or calendars.get(next(iter(read.calendars))) or calendars["always"]


def _person(
    entry: schema.PersonEntry,
    teams_of: Mapping[str, str],
    read: schema.AgreementFile,
    zoned: _Zoned,
    default: Calendar,
) -> Person:
    team_name = teams_of.get(entry.name)
    team = next((each for each in read.teams if each.name == team_name), None)
    if entry.calendar is not None:
        calendar = _named(entry.calendar, entry.zone, read, zoned, default)
    else:
        hours = zoned.calendars.get(team.calendar, default) if team is not None and team.calendar else default
        calendar = zoned.in_zone(hours, entry.zone)
    return Person(
        id=entry.id or entry.name,
        name=entry.name,
        zone=entry.zone or (team.zone if team is not None else None) or calendar.zone,
        team=team_name,
        calendar=calendar,
        crm_ids=tuple(entry.crm),
        slack=entry.slack,
        email=entry.email,
    )


def _with_absences(
    person: Person, entry: schema.PersonEntry, read: schema.AgreementFile, path: Path, faults: Faults
) -> Person:
    """The person with their own calendar closed while they are away."""
    windows = absences(entry, person.zone, read.absences_read.get(person.id, ()), path, faults)
    if not windows or person.zone not in known_zones():
        return person
    spec = person.calendar.spec
    there = [_by_the_clocks_of(spec.zone, person.zone, window) for window in windows]
    calendar = Calendar(replace(spec, closed_windows=(*spec.closed_windows, *there)))
    return replace(person, calendar=calendar)


def _by_the_clocks_of(zone: str, own: str, window: ClosedWindow) -> ClosedWindow:
    if zone == own:
        return window
    start, end = (
        from_us(instant(wall, ZoneInfo(own))).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        for instant, wall in ((first_instant, window.start), (last_instant, window.end))
    )
    return ClosedWindow(start, end, window.reason)


def _named(
    name: str | None, zone: str | None, read: schema.AgreementFile, zoned: _Zoned, default: Calendar
) -> Calendar:
    """A calendar as somebody in `zone` uses it: by the clocks of that zone, unless the calendar names one itself."""
    calendar = zoned.calendars.get(name, default) if name else default
    entry = read.calendars.get(calendar.name)
    return calendar if entry is None or entry.zone is not None else zoned.in_zone(calendar, zone)


def _team(
    entry: schema.TeamEntry, people: Mapping[str, Person], read: schema.AgreementFile, zoned: _Zoned, default: Calendar
) -> Team:
    calendar = _named(entry.calendar, entry.zone, read, zoned, default)
    manager = people.get(entry.manager) if entry.manager else None
    return Team(
        name=entry.name,
        calendar=calendar,
        zone=entry.zone or (calendar.zone if entry.calendar else read.agreement.timezone),
        channel=entry.slack,
        manager=manager.party if manager is not None else None,
        members=tuple(people[member].id for member in entry.members if member in people),
        queues=tuple(entry.queues),
    )
