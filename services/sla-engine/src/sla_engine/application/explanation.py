"""Why each verdict on a lead is what it is: the events it rests on, who held the clock in which open hours, the sum.

Judged afresh from the history at the instant asked for, so a page is never older than the question.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from shared.events.envelope import OwnerKind
from sla_engine.application.asking import in_words
from sla_engine.application.dossier import Provenance
from sla_engine.application.explained import (
    Announcement,
    Charge,
    ExcuseExplained,
    Explanation,
    Ground,
    Interval,
    Moment,
    ObligationExplained,
    PauseExplained,
    Turn,
    WarningAt,
)
from sla_engine.application.forgetting import is_forgotten
from sla_engine.application.joining import kept_promises
from sla_engine.application.narrative import narrate
from sla_engine.application.reading import LeadRecord
from sla_engine.application.working import (
    OPEN,
    Sum,
    Working,
    is_appointment,
    own_pauses,
    steps_to_deadline,
    sum_of,
    working,
)
from sla_engine.domain.agreement import Agreement, Blame, Clock
from sla_engine.domain.announced import Told
from sla_engine.domain.editions import Editions, judge_under
from sla_engine.domain.facts import AnyFact, Assigned
from sla_engine.domain.instants import from_us, seconds
from sla_engine.domain.moments import Moment as Condition
from sla_engine.domain.obligation import Ending, Holding, Obligation, State


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
    clock = agreement.clock(obligation.clock)
    workings = [working(holding, obligation, agreement) for holding in obligation.holders]
    added = sum_of(obligation, workings)
    charge = _charge(obligation)
    restarted = obligation.target_since_us != obligation.started_us
    return ObligationExplained(
        id=obligation.id,
        clock=obligation.clock,
        clock_name=obligation.clock_name,
        cycle=obligation.cycle,
        round=obligation.round,
        rounds=None if clock is None else clock.times,
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
        arithmetic=arithmetic(added, obligation),
        sum=added,
        due_reason=_due_reason(obligation),
        deadline_steps=steps_to_deadline(obligation),
        restarted_at=from_us(obligation.target_since_us) if restarted else None,
        pauses=_pauses(obligation),
        excuse=_excuse(obligation),
        charge=charge,
        blame=obligation.blame,
        agreement_line=obligation.agreement_line,
        calendar=obligation.calendar,
        holder=obligation.holder.name,
        team=obligation.escalation.team if obligation.escalation is not None else obligation.holder.team,
        turns=[_turn(holding, found, charge) for holding, found in zip(obligation.holders, workings, strict=True)],
        grounds=_grounds(obligation, facts, told_by, clock, agreement),
        warnings=[WarningAt(name=warning.name, at=from_us(warning.at_us)) for warning in obligation.warnings],
        announcements=_announcements(told),
        agreement_version=obligation.agreement_version,
    )


def arithmetic(added: Sum, obligation: Obligation) -> str:
    """The sum in one line, such as "Ana 12 min + Ben 50 min = 1 h 2 min of 1 h: 2 min over"; no second is left out."""
    parts = [f"{each.holder} {exactly(each.seconds)}" for each in added.terms]
    total = parts[0] if len(parts) == 1 else f"{' + '.join(parts)} = {exactly(added.used_seconds)}"
    if added.before_restart_seconds:
        since = exactly(added.used_seconds - added.before_restart_seconds)
        total += f", less {exactly(added.before_restart_seconds)} before the restart: {since}"
    if added.over_seconds is None:
        return f"{total} of {added.unit}, due at a time of day: {_at_the_hour(obligation)}"
    left = "left" if obligation.stopped_us is None else "to spare"
    over = added.over_seconds
    rest = f"{exactly(over)} over" if over > 0 else f"{exactly(-over)} {left}"
    return f"{total} of {exactly(added.target_seconds)} {added.unit}: {rest}"


def _at_the_hour(obligation: Obligation) -> str:
    if obligation.breached or obligation.excuse is not None:
        return "missed"
    return "ahead" if obligation.stopped_us is None else "kept" if obligation.state is State.MET else "over"


def exactly(duration_seconds: float) -> str:
    """A duration with all its parts: "26 h 3 min 0.5 s". So what is added up here adds up for the reader too."""
    rest_us = round(duration_seconds * 1e6)
    hours, rest_us = divmod(rest_us, 3_600_000_000)
    minutes, rest_us = divmod(rest_us, 60_000_000)
    words = [f"{amount} {unit}" for amount, unit in ((hours, "h"), (minutes, "min")) if amount]
    if rest_us or not words:
        words.append(f"{rest_us / 1e6:.6f}".rstrip("0").rstrip(".") + " s")
    return " ".join(words)


def _due_reason(obligation: Obligation) -> str:
    """How the deadline came about, in words; whose time led to it stands in the steps."""
    since = "the restart" if obligation.target_since_us != obligation.started_us else "the start"
    if is_appointment(obligation):
        found = f"{obligation.target_text.removeprefix('by ')}, counted from the day of {since}"
        found += f" by the calendar {obligation.calendar}" if len(obligation.holders) == 1 else ""
    else:
        unit = "of the wall clock" if "wall" in obligation.target_text else "of business time"
        found = f"{exactly(seconds(obligation.target_us))} {unit} from {since}"
    if obligation.pauses:
        found += ", moved by the time in which nothing counted"
    if obligation.state is State.PAUSED:
        found += "; told as if time had counted again at once"
    return found


def _pauses(obligation: Obligation) -> Sequence[PauseExplained]:
    return [
        PauseExplained(
            kind="exception" if each.from_event is None else "lead",
            start=from_us(each.from_us),
            to=None if each.to_us is None else from_us(each.to_us),
            reason=each.reason,
            author=each.author,
            agreement_line=each.line or None,
        )
        for each in sorted(obligation.pauses, key=lambda each: each.from_us)
        if each.from_us < max(obligation.deadline_us, obligation.started_us + obligation.wall_us)
    ]


def _excuse(obligation: Obligation) -> ExcuseExplained | None:
    excuse = obligation.excuse
    if excuse is None:
        return None
    return ExcuseExplained(reason=excuse.reason, author=excuse.author, agreement_line=excuse.line)


_BECAUSE = {
    Blame.HOLDER_AT_DEADLINE: "held it at the deadline",
    Blame.LONGEST_HOLDER: "had held it longest by the deadline",
    Blame.FIRST_HOLDER: "held it first",
}


def _charge(obligation: Obligation) -> Charge | None:
    breach = obligation.breach
    if breach is None:
        return None
    return Charge(
        holder=breach.holder.name,
        holder_id=breach.holder.id,
        team=breach.escalation.team if breach.escalation is not None else breach.holder.team,
        rule=obligation.blame.value,
        because=_BECAUSE[obligation.blame],
    )


def _turn(holding: Holding, found: Working | None, charge: Charge | None) -> Turn:
    stretches = () if found is None else found.stretches
    intervals = [Interval(start=each.start, end=each.end) for each in stretches if each.kind == OPEN]
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
        intervals=intervals,
        more_intervals=0 if found is None else found.more_open,
        stretches=stretches,
        more_stretches=0 if found is None else found.more_stretches,
        paused_seconds=None if found is None else found.paused_seconds,
        closed_seconds=None if found is None else found.closed_seconds,
        charged=charge is not None and charge.holder_id == holding.holder.id,
    )


_ENDED = {
    Ending.STOPPED: "stopped",
    Ending.RESET: "reset",
    Ending.CANCELLED: "cancelled",
    Ending.STAY_ENDED: "ended",
    Ending.TERM_ENDED: "ended",
    Ending.NOT_PROMISED: "ended",
}


def _grounds(
    obligation: Obligation,
    facts: Mapping[str, AnyFact],
    told_by: _Teller,
    clock: Clock | None,
    agreement: Agreement,
) -> Sequence[Ground]:
    """What started, paused, resumed and ended it, in that order of time."""
    names = {each.id: each.name for each in agreement.clocks}

    def ground(role: str, event: str | None, at_us: int, what: str, asked: Condition | None = None) -> Ground:
        fact = None if event is None else facts.get(event)
        return Ground(
            role=role,
            event=event,
            at=from_us(at_us if fact is None else fact.at_us),
            what=what if fact is None else told_by.say(fact),
            question="" if asked is None else in_words(asked, names),
        )

    def asks(name: str) -> Condition | None:
        return None if clock is None else getattr(clock, name)

    found = [
        ground("started", event, obligation.started_us, obligation.clock_name, asks("start"))
        for event in obligation.start_events
    ]
    for pause in own_pauses(obligation):
        found.append(ground("paused", pause.from_event, pause.from_us, "paused", asks("pause")))
        if pause.to_event is not None and pause.to_us is not None:
            found.append(ground("resumed", pause.to_event, pause.to_us, "resumed", asks("resume")))
    if obligation.ending is not None and obligation.stopped_us is not None:
        role = _ENDED[obligation.ending]
        asked = {"stopped": "stop", "reset": "reset", "cancelled": "cancel"}.get(role)
        found.append(
            ground(
                role,
                obligation.stop_event,
                obligation.stopped_us,
                obligation.reason,
                None if asked is None else asks(asked),
            )
        )
    return found


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
            reason=saying.reason,
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
