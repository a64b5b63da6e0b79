"""`announce`: what must be said now, given what was said before; `next_wake`: when time alone will have more to say.

What stands announced is compared with what the verdict holds true: what stands and is not true is taken back, what is
true, due and not said is said. So, whatever the order in which facts arrive, what was announced and not taken back
comes out the same, warnings apart: they are given in time or not at all.
"""

import operator
from datetime import datetime

import msgspec

from shared.events.sla import AnySlaEvent
from sla_engine.domain import sla_event, wording
from sla_engine.domain.announced import Announced, Saying, Told, Transition
from sla_engine.domain.due_sayings import Due, coming_us, compare, warning_to_say
from sla_engine.domain.instants import SECOND, from_us, to_us
from sla_engine.domain.obligation import Obligation, State, Verdict
from sla_engine.domain.sla_event import Occasion

# Bound once: in Python 3.11 each look at a member of an enum is a call.
_AT_RISK = Transition.AT_RISK
_BREACHED = Transition.BREACHED

LATE_AFTER_SECONDS = 60.0
"""A warning or a breach announced more than this after it was due is marked late."""


def announce(
    before: Announced,
    after: Verdict,
    now: datetime,
    *,
    announced_at: datetime | None = None,
    traceparent: str | None = None,
    late_after_seconds: float = LATE_AFTER_SECONDS,
) -> tuple[tuple[AnySlaEvent, ...], Announced]:
    """What must be announced at `now`, and what then stands announced: first what is taken back, then the rest, oldest
    first.

    Settle times come with the obligations. The same inputs give the same events with the same ids. `after` must be
    judged at `now`. `announced_at` is what the events bear as that, where it is not `now`.
    """
    now_us = to_us(now)
    occasion = Occasion(announced_at or from_us(now_us), traceparent)
    session = _Session(after, now_us, occasion, round(late_after_seconds * SECOND))
    known = {told.obligation: told for told in before.told}
    kept = [session.compare(obligation, known.pop(obligation.id, None)) for obligation in after.obligations]
    kept += [session.vanished(told) for told in known.values()]
    unchanged = len(kept) == len(before.told) and all(map(operator.is_, kept, before.told))
    return session.events(), (before if unchanged else Announced(tuple(kept)))


def next_wake(verdict: Verdict, announced: Announced, now: datetime) -> datetime | None:
    """The earliest instant from `now` on at which `announce` may have something to say by time alone; None: never.

    `verdict` must be judged at `now`. After `announce` at `now` the answer lies after `now`.
    """
    now_us = to_us(now)
    known = {told.obligation: told for told in announced.told}
    coming = [] if verdict.next_fact_us is None else [verdict.next_fact_us]
    for obligation in verdict.obligations:
        told = known.get(obligation.id)
        unsaid, _ = compare(obligation, told.sayings if told is not None else ())
        coming += [max(due.due_us, now_us) for due in unsaid]
        coming += [at_us for at_us in coming_us(obligation, now_us) if at_us > now_us]
    return from_us(min(coming)) if coming else None


class _Session:
    """One comparison of what was said with what is so."""

    def __init__(self, verdict: Verdict, now_us: int, occasion: Occasion, late_after_us: int) -> None:
        self.verdict = verdict
        self.now_us = now_us
        self.occasion = occasion
        # Late is what people hear late: a backlog is judged at instants that lie long before anybody is told.
        self.late_before_us = to_us(occasion.announced_at) - late_after_us
        self.taken_back: list[AnySlaEvent] = []
        self.said: list[tuple[int, int, AnySlaEvent]] = []

    def events(self) -> tuple[AnySlaEvent, ...]:
        """What was said in the session."""
        if len(self.said) > 1:
            self.said.sort(key=lambda each: each[:2])
        return (*self.taken_back, *[event for _, _, event in self.said])

    def compare(self, obligation: Obligation, told: Told | None) -> Told:
        """Say what must be said of an obligation; what was told of it thereafter."""
        sayings = list(told.sayings) if told is not None else []
        changed = told is None or told.version != obligation.agreement_version
        unsaid, untrue = compare(obligation, sayings)
        for place in untrue:
            assert told is not None
            reason = _why(obligation, told, self.verdict)
            sayings[place] = self._take_back(obligation, told, sayings[place], reason)
            changed = True
        warning = warning_to_say(obligation, sayings, self.now_us)
        for due in [*unsaid, warning] if warning is not None else unsaid:
            if due.due_us <= self.now_us:
                sayings.append(self._say(obligation, due, sayings))
                changed = True
        if told is not None and not changed:
            return told
        return Told.about(obligation, tuple(sayings))

    def vanished(self, told: Told) -> Told:
        """An obligation of which the verdict knows nothing: by what is known now, it never was."""
        if not told.standing:
            return told
        promised = told.clock in self.verdict.clocks
        reason = "this clock did not run, as is known now" if promised else "nobody promised it then, as is known now"
        sayings = tuple([self._take_back(None, told, each, reason) if each.standing else each for each in told.sayings])
        return msgspec.structs.replace(told, sayings=sayings)

    def _say(self, obligation: Obligation, due: Due, sayings: list[Saying]) -> Saying:
        ordinal = sum([each.transition is due.transition and each.warning == due.warning for each in sayings])
        saying = Saying(due.transition, due.at_us, due.warning, ordinal)
        timed = due.transition is _AT_RISK or due.transition is _BREACHED
        late = timed and due.due_us < self.late_before_us
        event = sla_event.say(self.verdict, obligation, saying, self.occasion, late=late)
        self.said.append((due.at_us, due.transition, event))
        return saying

    def _take_back(self, obligation: Obligation | None, told: Told, saying: Saying, reason: str) -> Saying:
        event = sla_event.take_back(
            self.verdict, obligation, told, saying, reason=reason, now_us=self.now_us, occasion=self.occasion
        )
        self.taken_back.append(event)
        return Saying(saying.transition, saying.at_us, saying.warning, saying.ordinal, standing=False, reason=reason)


def _why(obligation: Obligation, told: Told, verdict: Verdict) -> str:  # noqa: PLR0911 - a sentence a case
    """Why a standing announcement is taken back."""

    def at(instant_us: int) -> str:
        return wording.clock_time(from_us(instant_us), verdict.timezone)

    known = "as is known now"
    if obligation.agreement_version != told.version:
        known = f"by the agreement {obligation.agreement_version}"
    if obligation.started_us != told.started_us:
        return f"the clock started {at(obligation.started_us)}, {known}"
    if (excuse := obligation.excuse) is not None:
        return f"it is excused{f' by {excuse.author}' if excuse.author else ''}: {excuse.reason}"
    if obligation.state is State.MET and obligation.stopped_us is not None:
        return f"it was kept {at(obligation.stopped_us)}, {known}: {obligation.reason}"
    if obligation.state is State.CANCELLED and obligation.stopped_us is not None:
        return f"it no longer counted from {at(obligation.stopped_us)} on: {obligation.reason}"
    if obligation.deadline_us != told.deadline_us:
        return f"it is due {at(obligation.deadline_us)}, {known}"
    if obligation.stopped_us is not None:
        return f"it was done {at(obligation.stopped_us)}, {known}: {obligation.reason}"
    return f"it is {obligation.state.value.replace('_', ' ')}, {known}"
