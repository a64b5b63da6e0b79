"""`judge`: the verdict on one lead at one instant, a pure function of its history and the agreement."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.events.identity import identifier
from shared.events.lead import Scalar
from sla_engine.domain.agreement import Agreement, Target
from sla_engine.domain.conditions import Subject
from sla_engine.domain.facts import AnyFact, Attributes, Created
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from sla_engine.domain.measure import Due, Turn, due, holdings
from sla_engine.domain.obligation import Breach, Obligation, State, Verdict
from sla_engine.domain.seats import Seat, seat
from sla_engine.domain.story import Run, Story

# Bound once: in Python 3.11 each look at a member of an enum is a call.
_CANCELLED = State.CANCELLED
_MET_LATE = State.MET_LATE
_MET = State.MET
_BREACHED = State.BREACHED
_AT_RISK = State.AT_RISK
_ON_TRACK = State.ON_TRACK
_NONE: Mapping[str, int] = {}


def judge(
    history: History,
    agreement: Agreement,
    now: datetime,
    restarted_us: Mapping[str, int] = _NONE,  # noqa: ARG001 - for editions that restart; not heard yet
) -> Verdict:
    """Judge every promise on the lead at `now`, by event time alone; settle times play no part here.

    Facts that lie after `now` do not count yet.
    """
    now_us = to_us(now)
    facts, next_fact_us = _until(history.facts, now_us)
    story = Story(agreement, history.source)
    story.apply(facts)
    name, url = _called(facts, history.lead)
    judged = [_judge_run(run, history, facts, agreement, now_us) for run in story.runs]
    return Verdict(
        lead=history.lead,
        lead_name=name,
        source=history.source,
        crm_url=url,
        agreement=agreement.name,
        agreement_version=agreement.version,
        timezone=agreement.timezone,
        now_us=now_us,
        clocks=agreement.clock_ids,
        next_fact_us=next_fact_us,
        obligations=tuple([obligation for obligation in judged if obligation is not None]),
    )


def _until(facts: tuple[AnyFact, ...], now_us: int) -> tuple[tuple[AnyFact, ...], int | None]:
    if not facts or facts[-1].at_us <= now_us:
        return facts, None
    count = next(at for at, fact in enumerate(facts) if fact.at_us > now_us)
    return facts[:count], facts[count].at_us


def _called(facts: Sequence[AnyFact], lead: str) -> tuple[str, str | None]:
    """How people call the lead, and where it is found in the CRM: the latest word on each."""
    name: str | None = None
    url: str | None = None
    for fact in reversed(facts):
        kind = type(fact)
        if kind is Created or kind is Attributes:
            told: Created | Attributes = fact  # type: ignore[assignment] # the exact type was just compared
            if name is None and (value := told.attributes.get("name")):
                name = str(value)
            url = url or told.url
            if name and url:
                break
    return name or lead, url


def _judge_run(
    run: Run, history: History, facts: Sequence[AnyFact], agreement: Agreement, now_us: int
) -> Obligation | None:
    """The obligation that the run is; None where the agreement promises the lead's segment nothing."""
    clock, source, stopped_us = run.clock, history.source, run.stopped_us
    turns = _turns(run, source, agreement)
    target = _target(run, source, facts, turns[0].seat)
    if target is None or target.duration is None:
        return None
    target_us = target.duration.in_calendar(turns[0].calendar.business_day_us)
    fate = due(run, turns, target_us)
    end_us = now_us if stopped_us is None else stopped_us
    held = holdings(turns, end_us, ended=stopped_us is not None)
    last = turns[len(held) - 1]
    warnings = fate.warnings
    breach = _breach(turns, fate) if end_us > fate.deadline_us else None
    warned = False
    for warning in warnings:
        warned = warned or fate.target_since_us < warning.at_us <= now_us
    return Obligation(
        id=identifier(history.lead, clock.id, str(run.cycle)),
        clock=clock.id,
        clock_name=clock.name,
        cycle=run.cycle,
        segment=target.segment,
        state=_state(run, breached=breach is not None, warned=warned),
        started_us=run.started_us,
        deadline_us=fate.deadline_us,
        target_us=target_us,
        target_text=target.duration.text,
        stopped_us=stopped_us,
        breach=breach,
        business_us=held[0].business_us if len(held) == 1 else sum([each.business_us for each in held]),
        wall_us=end_us - run.started_us,
        calendar=last.calendar.spec.name,
        warnings=tuple(warnings),
        settle_us=clock.settle_by_source.get(source, clock.settle_us),
        holder=last.seat.holder,
        holders=held,
        escalation=last.seat.escalation,
        reason=run.reason,
        start_events=run.start_events,
        stop_event=run.stop_event,
        agreement_line=target.line,
        agreement_version=agreement.version,
    )


def _breach(turns: Sequence[Turn], fate: Due) -> Breach:
    """How things stood at the deadline."""
    charged = holdings(turns, fate.deadline_us, ended=True)
    seat_then = turns[len(charged) - 1].seat
    return Breach(
        at_us=fate.deadline_us,
        business_us=fate.business_us,
        holder=seat_then.holder,
        holders=charged,
        escalation=seat_then.escalation,
    )


def _state(run: Run, *, breached: bool, warned: bool) -> State:
    if run.cancelled:
        return _CANCELLED
    if run.stopped_us is not None:
        return _MET_LATE if breached else _MET
    if breached:
        return _BREACHED
    return _AT_RISK if warned else _ON_TRACK


def _target(run: Run, source: str, facts: Sequence[AnyFact], first: Seat) -> Target | None:
    """The first target whose condition the lead meets as it was when the clock started."""
    subject: Subject | None = None
    for condition, target in run.clock.targets:
        if condition is None:
            return target
        if subject is None:
            attributes = _attributes(facts, run.started_us)
            subject = Subject(attributes=attributes, source=source, owner=first.owner, team=first.team)
        if condition.holds(subject):
            return target
    return None


def _attributes(facts: Sequence[AnyFact], started_us: int) -> dict[str, Scalar]:
    """The lead's attributes as they were when the run started. One first told later counts as if it had been so then:
    until then it was unknown, not different."""
    attributes: dict[str, Scalar] = {}
    for fact in facts:
        kind = type(fact)
        if kind is Created or kind is Attributes:
            told: dict[str, Scalar] = fact.attributes  # type: ignore[union-attr] # the exact type was just compared
            if not attributes:
                attributes = told
            else:
                attributes = attributes | told if fact.at_us <= started_us else told | attributes
    return attributes


def _turns(run: Run, source: str, agreement: Agreement) -> list[Turn]:
    turns: list[Turn] = []
    for since_us, owner in run.turns:
        if turns:
            turns[-1].to_us = since_us
        held_from = seat(agreement, run.clock, source, owner)
        turns.append(Turn(since_us, None, held_from, held_from.calendar))
    return turns
