"""`judge`: the verdict on one lead at one instant, a pure function of its history and the agreement."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

from shared.events.identity import identifier
from shared.events.lead import Scalar
from sla_engine.domain.agreement import Agreement, Blame, CalendarOf, Clock, Effect, OnReassignment, Target
from sla_engine.domain.attributes import Told
from sla_engine.domain.calendar_spec import ALWAYS
from sla_engine.domain.conditions import Snapshot
from sla_engine.domain.durations import Appointment, Duration
from sla_engine.domain.facts import AnyFact, Attributes, Created
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from sla_engine.domain.measure import Due, Gap, Turn, due, holdings
from sla_engine.domain.obligation import Breach, Ending, Excuse, Holding, Obligation, Paused, State, Verdict
from sla_engine.domain.run import Pause, Run
from sla_engine.domain.seats import Seat, seat
from sla_engine.domain.story import Story

# Bound once: in Python 3.11 each look at a member of an enum is a call.
_CANCELLED = State.CANCELLED
_MET_LATE = State.MET_LATE
_MET = State.MET
_BREACHED = State.BREACHED
_AT_RISK = State.AT_RISK
_ON_TRACK = State.ON_TRACK
_PAUSED = State.PAUSED
_EXCUSED = State.EXCUSED
_RESTART = OnReassignment.RESTART
_AT_DEADLINE = Blame.HOLDER_AT_DEADLINE

_NEVER_RESTARTED: Mapping[str, int] = MappingProxyType({})
_ALL_PROMISED: Mapping[str, tuple[int, str]] = MappingProxyType({})


def judge(
    history: History,
    agreement: Agreement,
    now: datetime,
    *,
    restarted_us: Mapping[str, int] = _NEVER_RESTARTED,
    unpromised: Mapping[str, tuple[int, str]] = _ALL_PROMISED,
) -> Verdict:
    """Judge every promise on the lead at `now`, by event time alone; settle times play no part here.

    Facts that lie after `now` do not count yet. `restarted_us` has, by obligation, the instant at which its clock was
    made to start anew (by an edit of the agreement); the obligation keeps its start. `unpromised` has, by obligation,
    the instant from which on nobody promised it any more, and why.
    """
    now_us = to_us(now)
    facts, next_fact_us = _until(history.facts, now_us)
    story = Story(agreement, history.source)
    story.apply(facts, now_us)
    name, url = _called(facts, history.lead)
    case = _Case(history.lead, history.source, facts, agreement, now_us, restarted_us, unpromised)
    judged = [_judge_run(run, case) for run in story.runs]
    ends_us = agreement.ends_us
    if ends_us is not None and now_us < ends_us and any(run.stopped_us is None for run in story.runs):
        next_fact_us = ends_us if next_fact_us is None else min(next_fact_us, ends_us)
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


class _Case(msgspec.Struct, gc=False):
    """What all runs of one judgement share."""

    lead: str
    source: str
    facts: Sequence[AnyFact]
    agreement: Agreement
    now_us: int
    restarted_us: Mapping[str, int]
    unpromised: Mapping[str, tuple[int, str]]
    told: Told | None = None

    def attributes(self, started_us: int) -> Mapping[str, Scalar]:
        """The lead's attributes as they were when a run started."""
        if self.told is None:
            self.told = Told(self.facts)
        return self.told.at(started_us)


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


def _judge_run(run: Run, case: _Case) -> Obligation | None:
    """The obligation that the run is; None where the agreement promises the lead's segment nothing."""
    obligation_id = _identify(run, case.lead)
    if case.unpromised and obligation_id in case.unpromised:
        run = _cut(run, *case.unpromised[obligation_id])
    clock, agreement, stopped_us = run.clock, case.agreement, run.stopped_us
    turns = _turns(run, case.source, agreement)
    target = _target(run, case, turns[0].seat)
    promised = None if target is None else target.in_round(run.round if clock.in_stay else run.cycle)
    if target is None or promised is None:
        return None
    if target.calendar is not None or (type(promised) is Duration and promised.wall):
        _count_otherwise(turns, run, case, target.calendar, promised)
    anew_us = case.restarted_us.get(obligation_id) if case.restarted_us else None
    if anew_us is not None:
        turns = _restart(turns, anew_us)
    pauses = _pauses(run, turns, target.segment, case) if run.pauses or agreement.exceptions else ()
    counted = turns if anew_us is None else [turn for turn in turns if turn.since_us >= anew_us]
    if type(promised) is Duration:
        fate = due(counted, promised.in_calendar(turns[0].calendar.business_day_us), clock.warnings, stopped_us)
    else:
        fate = due(counted, promised, clock.warnings, stopped_us)  # type: ignore[arg-type] # an appointment, then
    if len(counted) < len(turns):
        _add_before(fate, turns[: len(turns) - len(counted)])
    paused_us = run.pauses[-1].from_us if run.pauses and stopped_us is None and run.paused else None
    end_us = case.now_us if stopped_us is None else stopped_us
    if paused_us is not None:
        _stand_still(turns, paused_us, end_us)
    held = holdings(turns, end_us, ended=stopped_us is not None)
    last = turns[len(held) - 1]
    broken = end_us > fate.deadline_us and (paused_us is None or fate.deadline_us <= paused_us)
    breach = _breach(turns, fate, clock) if broken else None
    excuse = None if breach is None or not agreement.exceptions else _excuse(run, turns, fate, target.segment, case)
    reason, stop_event = run.reason, run.stop_event
    if excuse is not None:  # it was over at the deadline, whatever came later
        breach, end_us, stopped_us = None, fate.deadline_us, fate.deadline_us
        reason, stop_event = excuse.reason, None
        pauses = tuple([pause for pause in pauses if pause.from_us < end_us])
        held = holdings(turns, end_us, ended=True)
        last = turns[len(held) - 1]
    warned = False
    for warning in fate.warnings:
        warned = warned or fate.target_since_us < warning.at_us <= case.now_us
    return Obligation(
        id=obligation_id,
        clock=clock.id,
        clock_name=clock.name,
        words=clock.words,
        cycle=run.cycle,
        round=run.round,
        segment=target.segment,
        state=_state(run, breached=broken, excused=excuse is not None, warned=warned),
        started_us=run.started_us,
        deadline_us=fate.deadline_us,
        target_us=fate.target_us,
        target_text=promised.text,
        stopped_us=stopped_us,
        breach=breach,
        excuse=excuse,
        pauses=pauses,
        blame=clock.blame,
        business_us=held[0].business_us if len(held) == 1 else sum([each.business_us for each in held]),
        wall_us=end_us - run.started_us,
        calendar=last.calendar.spec.name,
        warnings=tuple(fate.warnings),
        settle_us=clock.settle_by_source.get(case.source, clock.settle_us),
        holder=last.seat.holder,
        holders=held,
        escalation=last.seat.escalation,
        reason=reason,
        start_events=run.start_events,
        stop_event=stop_event,
        ending=None if stopped_us is None or excuse is not None else run.ending,
        target_since_us=fate.target_since_us,
        agreement_line=target.line,
        agreement_version=agreement.version,
    )


def _identify(run: Run, lead: str) -> str:
    cycle = str(run.cycle) if run.round == 1 else f"{run.cycle}.{run.round}"
    return identifier(lead, run.clock.id, cycle)


def _cut(run: Run, at_us: int, reason: str) -> Run:
    """The run as it was until then, and cancelled then; what the facts did to it later is not asked."""
    return msgspec.structs.replace(
        run,
        stopped_us=at_us,
        stop_event=None,
        cancelled=True,
        reason=reason,
        ending=Ending.NOT_PROMISED,
        turns=[turn for turn in run.turns if turn[0] <= at_us],
        pauses=[
            pause if pause.to_us is not None and pause.to_us <= at_us else _resumed(pause, at_us)
            for pause in run.pauses
            if pause.from_us <= at_us
        ],
    )


def _resumed(pause: Pause, at_us: int) -> Pause:
    return msgspec.structs.replace(pause, to_us=at_us, to_event=None)


def _breach(turns: Sequence[Turn], fate: Due, clock: Clock) -> Breach:
    """How things stood at the deadline, and who is charged."""
    held = holdings(turns, fate.deadline_us, ended=True)
    charged = turns[_charged(held, clock.blame)].seat
    return Breach(
        at_us=fate.deadline_us,
        business_us=fate.business_us,
        holder=charged.holder,
        holders=held,
        escalation=charged.escalation,
    )


def _charged(held: Sequence[Holding], blame: Blame) -> int:
    """The place of the turn that is charged. One who held it twice counts by both turns, and is charged by the last."""
    if len(held) == 1 or blame is _AT_DEADLINE:
        return len(held) - 1
    if blame is Blame.FIRST_HOLDER:
        return 0
    totals: dict[str, int] = {}
    for each in held:
        totals[each.holder.id] = totals.get(each.holder.id, 0) + each.business_us
    longest = max(totals.values())
    return max(place for place, each in enumerate(held) if totals[each.holder.id] == longest)


def _excuse(run: Run, turns: Sequence[Turn], fate: Due, segment: str, case: _Case) -> Excuse | None:
    """The first exception in the file that excuses the miss."""
    held = holdings(turns, fate.deadline_us, ended=True)
    team = turns[len(held) - 1].seat.team
    for each in case.agreement.exceptions:
        if (
            each.effect is Effect.EXCUSE
            and each.from_us <= fate.deadline_us <= each.to_us
            and each.concerns(clock=run.clock.id, team=team, source=case.source, segment=segment)
        ):
            return Excuse(at_us=fate.deadline_us, reason=each.reason, author=each.author, line=each.line)
    return None


def _state(run: Run, *, breached: bool, excused: bool, warned: bool) -> State:
    if excused:
        return _EXCUSED
    if run.cancelled:
        return _CANCELLED
    if run.stopped_us is not None:
        return _MET_LATE if breached else _MET
    if breached:
        return _BREACHED
    if run.pauses and run.paused:
        return _PAUSED
    return _AT_RISK if warned else _ON_TRACK


def _target(run: Run, case: _Case, first: Seat) -> Target | None:
    """The first target whose condition the lead meets as it was when the clock started."""
    subject: Snapshot | None = None
    for condition, target in run.clock.targets:
        if condition is None:
            return target
        if subject is None:
            attributes = case.attributes(run.started_us)
            subject = Snapshot(attributes=attributes, source=case.source, owner=first.owner, team=first.team)
        if condition.holds(subject):
            return target
    return None


def _turns(run: Run, source: str, agreement: Agreement) -> list[Turn]:
    turns: list[Turn] = []
    restarts = run.clock.on_reassignment is _RESTART
    for since_us, owner in run.turns:
        if turns:
            turns[-1].to_us = since_us
        held_from = seat(agreement, run.clock, source, owner)
        turns.append(Turn(since_us, None, held_from, held_from.calendar, (), restarts))
    return turns


def _count_otherwise(
    turns: Sequence[Turn],
    run: Run,
    case: _Case,
    choice: CalendarOf | str | None,
    promised: Duration | Appointment,
) -> None:
    """Count in the calendar that the target names, or in every hour."""
    if type(promised) is Duration and promised.wall:
        choice = ALWAYS.name
    for turn, (_, owner) in zip(turns, run.turns, strict=True):
        turn.calendar = seat(case.agreement, run.clock, case.source, owner, choice).calendar


def _restart(turns: list[Turn], at_us: int) -> list[Turn]:
    """The turns, with one that begins at the instant at which the clock starts anew."""
    place = max((place for place, turn in enumerate(turns) if turn.since_us <= at_us), default=None)
    if place is None or (place == 0 and turns[0].since_us == at_us):
        return turns
    turn = turns[place]
    if turn.since_us == at_us:
        turn.restarts = True
        return turns
    anew = Turn(at_us, turn.to_us, turn.seat, turn.calendar, (), restarts=True)
    turn.to_us = at_us
    return [*turns[: place + 1], anew, *turns[place + 1 :]]


def _add_before(fate: Due, turns: Sequence[Turn]) -> None:
    """Count also what was used before the clock started anew, whatever had become of it by then."""
    before_us = sum([turn.elapsed(turn.to_us) for turn in turns if turn.to_us is not None])
    fate.business_us += before_us
    fate.warnings = [
        msgspec.structs.replace(warning, business_us=warning.business_us + before_us) for warning in fate.warnings
    ]


def _pauses(run: Run, turns: Sequence[Turn], segment: str, case: _Case) -> tuple[Paused, ...]:
    """Every stretch in which no time counted, each put on the turns in which it lies.

    A pause that still lasts takes no time away: the deadline is told as if the clock resumed when it began.
    """
    own = [
        Paused(
            from_us=pause.from_us,
            to_us=pause.to_us or run.stopped_us,
            from_event=pause.from_event,
            to_event=pause.to_event,
        )
        for pause in run.pauses
    ]
    windows = [
        each for each in case.agreement.exceptions if each.effect is Effect.PAUSE and each.to_us > run.started_us
    ]
    found: dict[Paused, None] = dict.fromkeys(own)
    over = [(pause.from_us, pause.to_us) for pause in own if pause.to_us is not None]
    ends = [to_us for _, to_us in over]
    for turn in turns:
        end_us = turn.to_us
        last = len(over) if end_us is None else bisect_left(over, (end_us,))
        gaps = over[bisect_right(ends, turn.since_us) : last]
        for each in windows:
            if each.concerns(clock=run.clock.id, team=turn.seat.team, source=case.source, segment=segment):
                gaps.append((each.from_us, each.to_us))
                if each.from_us < (end_us or each.to_us) and turn.since_us < each.to_us:
                    window = Paused(
                        from_us=each.from_us, to_us=each.to_us, reason=each.reason, author=each.author, line=each.line
                    )
                    found[window] = None
        turn.gaps = _clipped(gaps, turn.since_us, end_us)
    return tuple(found)


def _stand_still(turns: Sequence[Turn], paused_us: int, now_us: int) -> None:
    """What passes in a pause that still lasts is used by nobody; the deadline was told without it."""
    for turn in turns:
        if turn.to_us is None or turn.to_us > paused_us:
            turn.gaps = _clipped([*turn.gaps, (paused_us, now_us)], turn.since_us, turn.to_us)


def _clipped(gaps: Sequence[Gap], since_us: int, to_us: int | None) -> tuple[Gap, ...]:
    """The gaps within a turn, in order and joined where they touch."""
    joined: list[Gap] = []
    for from_us, until_us in sorted(gaps):
        begins_us, ends_us = max(from_us, since_us), until_us if to_us is None else min(until_us, to_us)
        if begins_us >= ends_us:
            continue
        if joined and begins_us <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends_us))
        else:
            joined.append((begins_us, ends_us))
    return tuple(joined)
