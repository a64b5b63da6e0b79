"""Why each verdict on a lead is what it is: the events it rests on, who held the clock in which open hours, the sum.

Judged afresh from the history at the instant asked for, so a page is never older than the question.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from shared.events.envelope import OwnerKind
from sla_engine.application.dossier import Provenance
from sla_engine.application.forgetting import is_forgotten
from sla_engine.application.joining import kept_promises
from sla_engine.application.narrative import narrate
from sla_engine.application.reading import LeadRecord
from sla_engine.domain.agreement import Agreement, Person
from sla_engine.domain.announced import Told
from sla_engine.domain.calendar import Calendar
from sla_engine.domain.durations import say
from sla_engine.domain.editions import Editions, judge_under
from sla_engine.domain.facts import AnyFact, Assigned
from sla_engine.domain.instants import from_us, seconds
from sla_engine.domain.obligation import Holding, Obligation, State

MOST_INTERVALS = 60
"""Open intervals listed per holder; a longer turn is summed up."""


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch in which time counted."""

    start: datetime
    end: datetime


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """Who held the clock, and in which open hours. `to` None: still does."""

    holder: str
    holder_id: str
    kind: OwnerKind | None
    team: str | None
    since: datetime
    to: datetime | None
    business_seconds: float
    wall_seconds: float
    calendar: str
    intervals: Sequence[Interval]
    more_intervals: int


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a verdict rests on: it `started` or `ended` the clock."""

    role: str
    event: str
    at: datetime
    what: str


class WarningAt(msgspec.Struct, frozen=True, kw_only=True):
    """A warning of the agreement and when it falls due."""

    name: str
    at: datetime


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What was announced; `standing` False: it was taken back."""

    event: str
    transition: str
    at: datetime
    warning: str
    standing: bool


class ObligationExplained(msgspec.Struct, frozen=True, kw_only=True):
    """One promise, and why it stands as it does. `used_ratio` is business time used over the target.

    `agreement_version` names the edition of the agreement that judges it, and `agreement_line` is of that file.
    """

    id: str
    clock: str
    clock_name: str
    cycle: int
    segment: str
    state: State
    started_at: datetime
    deadline: datetime
    stopped_at: datetime | None
    breached: bool
    target_seconds: float
    target_text: str
    business_seconds: float
    wall_seconds: float
    used_ratio: float
    reason: str
    arithmetic: str
    agreement_line: int
    calendar: str
    holder: str
    team: str | None
    turns: Sequence[Turn]
    grounds: Sequence[Ground]
    warnings: Sequence[WarningAt]
    announcements: Sequence[Announcement]
    agreement_version: str


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the timeline. `provenance` None: not known. `from_lead`: a merged lead to which it happened."""

    id: str
    at: datetime
    kind: str
    what: str
    provenance: Provenance | None
    from_lead: str | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One lead, explained at `judged_at`. `timezone` is the zone in which its team reads times.

    `forgotten`: the person asked to be deleted; then there is nothing left to judge by, and no promise is explained.
    """

    key: str
    name: str
    source: str
    crm_url: str | None
    owner: str | None
    team: str | None
    timezone: str
    agreement: str
    agreement_version: str
    judged_at: datetime
    forgotten: bool
    obligations: Sequence[ObligationExplained]
    timeline: Sequence[Moment]


def explain(record: LeadRecord, editions: Editions, now: datetime) -> Explanation:
    """Judge the lead at `now` and lay open how. Newest promise first, oldest event first."""
    verdict = kept_promises(judge_under(record.history, editions, now), record.history)
    agreement = editions.newest.agreement
    told_by = _Teller(agreement, record.history.source, record.history.origins())
    facts = {fact.id: fact for fact in record.history.facts}
    told = {each.obligation: each for each in record.announced.told}
    source = record.history.source
    obligations = [
        _explained(obligation, facts, told.get(obligation.id), editions, told_by) for obligation in verdict.obligations
    ]
    forgotten = is_forgotten(record.history)
    owner, team, zone = _owner(record.history.facts, agreement, source)
    return Explanation(
        key=record.key,
        name=record.name if forgotten else verdict.lead_name,
        source=source,
        crm_url=verdict.crm_url,
        owner=owner,
        team=team,
        timezone=zone or agreement.timezone,
        agreement=agreement.name,
        agreement_version=agreement.version,
        judged_at=now,
        forgotten=forgotten,
        obligations=() if forgotten else obligations[::-1],
        timeline=[_moment(fact, record.provenance, told_by) for fact in record.history.facts],
    )


class _Teller(msgspec.Struct, frozen=True):
    """Says what happened, and to which lead where it was another."""

    agreement: Agreement
    source: str
    origins: Mapping[str, str]

    def say(self, fact: AnyFact) -> str:
        origin = self.origins.get(fact.id)
        what = narrate(fact, self.agreement, self.source)
        return what if origin is None else f"{what} (from merged lead {origin})"


def _explained(
    obligation: Obligation, facts: Mapping[str, AnyFact], told: Told | None, editions: Editions, told_by: _Teller
) -> ObligationExplained:
    agreement = editions.by_version(obligation.agreement_version)
    return ObligationExplained(
        id=obligation.id,
        clock=obligation.clock,
        clock_name=obligation.clock_name,
        cycle=obligation.cycle,
        segment=obligation.segment,
        state=obligation.state,
        started_at=obligation.started_at,
        deadline=obligation.deadline,
        stopped_at=obligation.stopped_at,
        breached=obligation.breached,
        target_seconds=seconds(obligation.target_us),
        target_text=obligation.target_text,
        business_seconds=seconds(obligation.business_us),
        wall_seconds=seconds(obligation.wall_us),
        used_ratio=obligation.business_us / obligation.target_us
        if obligation.target_us
        else float(obligation.breached),
        reason=obligation.reason,
        arithmetic=_arithmetic(obligation),
        agreement_line=obligation.agreement_line,
        calendar=obligation.calendar,
        holder=obligation.holder.name,
        team=obligation.escalation.team if obligation.escalation is not None else obligation.holder.team,
        turns=[_turn(holding, agreement) for holding in obligation.holders],
        grounds=_grounds(obligation, facts, told_by),
        warnings=[WarningAt(name=warning.name, at=from_us(warning.at_us)) for warning in obligation.warnings],
        announcements=_announcements(told),
        agreement_version=obligation.agreement_version,
    )


def _arithmetic(obligation: Obligation) -> str:
    """The sum in one line, such as "Ana 12 min + Ben 50 min = 1 h 2 min of 1 h: 2 min over"."""
    parts = [f"{each.holder.name} {say(each.business_us)}" for each in obligation.holders]
    total = parts[0] if len(parts) == 1 else f"{' + '.join(parts)} = {say(obligation.business_us)}"
    over_us = obligation.business_us - obligation.target_us
    left = "left" if obligation.stopped_us is None else "to spare"
    rest = f"{say(over_us)} over" if over_us > 0 else f"{say(-over_us)} {left}"
    return f"{total} of {say(obligation.target_us)} business time: {rest}"


def _turn(holding: Holding, agreement: Agreement) -> Turn:
    end_us = holding.since_us + holding.wall_us
    calendar = _calendar(holding, agreement)
    found = [] if calendar is None else list(calendar.intervals(holding.since_us, end_us))
    if sum(end - start for start, end in found) != holding.business_us:
        found = []  # another calendar of that name was meant: rather no list than a wrong one
    return Turn(
        holder=holding.holder.name,
        holder_id=holding.holder.id,
        kind=holding.holder.kind,
        team=holding.holder.team,
        since=from_us(holding.since_us),
        to=None if holding.to_us is None else from_us(holding.to_us),
        business_seconds=seconds(holding.business_us),
        wall_seconds=seconds(holding.wall_us),
        calendar=holding.calendar,
        intervals=[Interval(start=from_us(start), end=from_us(end)) for start, end in found[:MOST_INTERVALS]],
        more_intervals=max(len(found) - MOST_INTERVALS, 0),
    )


def _calendar(holding: Holding, agreement: Agreement) -> Calendar | None:
    person = _person_by_id(agreement, holding.holder.id)
    if person is not None and person.calendar.name == holding.calendar:
        return person.calendar
    teams = {team.calendar.name: team.calendar for team in agreement.teams.values()}
    return agreement.calendars.get(holding.calendar) or teams.get(holding.calendar)


def _person_by_id(agreement: Agreement, person_id: str) -> Person | None:
    return next((person for person in agreement.people.values() if person.id == person_id), None)


def _grounds(obligation: Obligation, facts: Mapping[str, AnyFact], told_by: _Teller) -> Sequence[Ground]:
    started = [("started", event) for event in obligation.start_events]
    ended = [("ended", obligation.stop_event)] if obligation.stop_event is not None else []
    return [
        Ground(role=role, event=event, at=from_us(facts[event].at_us), what=told_by.say(facts[event]))
        for role, event in (*started, *ended)
        if event in facts
    ]


def _announcements(told: Told | None) -> Sequence[Announcement]:
    if told is None:
        return ()
    return [
        Announcement(
            event=saying.event_id(told.obligation),
            transition=saying.transition.word,
            at=from_us(saying.at_us),
            warning=saying.warning,
            standing=saying.standing,
        )
        for saying in told.sayings
    ]


def _moment(fact: AnyFact, provenance: Mapping[str, Provenance], told_by: _Teller) -> Moment:
    return Moment(
        id=fact.id,
        at=from_us(fact.at_us),
        kind=type(fact).__name__.lower(),
        what=told_by.say(fact),
        provenance=provenance.get(fact.id),
        from_lead=told_by.origins.get(fact.id),
    )


def _owner(facts: Sequence[AnyFact], agreement: Agreement, source: str) -> tuple[str | None, str | None, str | None]:
    """The present owner's name, team, and the zone in which that team reads times."""
    latest = next((fact for fact in reversed(facts) if isinstance(fact, Assigned)), None)
    owner = None if latest is None else latest.owner
    team = agreement.team_of(source, owner)
    zone = None if team is None else team.zone
    if owner is None:
        return None, None, zone
    person = agreement.person(source, owner.id) if owner.kind is OwnerKind.USER else None
    name = person.name if person is not None else owner.name or owner.id
    return name, None if team is None else team.name, zone
