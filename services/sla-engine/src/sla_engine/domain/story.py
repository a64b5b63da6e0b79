"""The story of a lead: which clocks started, stopped and were cancelled, and who held them, by its facts alone.

Nothing here knows of targets or calendars. Facts of one instant apply in their order, with one exception: what ends a
stay in the qualified stages takes effect after everything else of that instant, so a stop beats a cancellation.
"""

from collections.abc import Sequence

import msgspec

from shared.events.envelope import ActorKind, Owner, OwnerKind
from sla_engine.domain.agreement import Agreement, Clock, TouchBy, TouchRule
from sla_engine.domain.facts import AnyFact, Assigned, Created, Deleted, Disposed, Merged, Rejected, Stage, Touch

# Bound once: in Python 3.11 each look at a member of an enum is a call.
_USER = OwnerKind.USER
_AUTOMATION = ActorKind.AUTOMATION
_INTEGRATION = ActorKind.INTEGRATION
_ANYONE = TouchBy.ANYONE


class Run(msgspec.Struct, gc=False):
    """One run of one clock. `turns` are the owners, each since when; None is nobody."""

    clock: Clock
    cycle: int
    started_us: int
    start_events: tuple[str, ...]
    turns: list[tuple[int, Owner | None]]
    stopped_us: int | None = None
    stop_event: str | None = None
    cancelled: bool = False
    reason: str = ""

    def stop(self, at_us: int, event: str, reason: str) -> None:
        """It is done."""
        self.stopped_us, self.stop_event, self.reason = at_us, event, reason

    def cancel(self, at_us: int, event: str, reason: str) -> None:
        """The promise no longer applies."""
        self.stop(at_us, event, reason)
        self.cancelled = True

    def pass_to(self, at_us: int, owner: Owner | None) -> None:
        """Somebody else holds it from now on; of several at one instant, the last."""
        if self.turns[-1][0] == at_us:
            self.turns.pop()
        self.turns.append((at_us, owner))


class Story(msgspec.Struct, gc=False):
    """The lead as the facts so far left it, and the runs they made."""

    agreement: Agreement
    source: str
    runs: list[Run] = []
    stage: str | None = None
    owner: Owner | None = None
    cycle: int = 0
    qualified: bool = False
    gone: bool = False
    _handoff: Run | None = None
    _touch: Run | None = None
    _began: tuple[str, ...] = ()
    _owned: tuple[str, ...] = ()
    _ending: tuple[str, str] | None = None
    _sent_back_in: str | None = None
    _again_us: int | None = None

    def apply(self, facts: Sequence[AnyFact]) -> None:
        """Tell the story on. `facts` are in order and hold whole instants."""
        at_us: int | None = None
        for fact in facts:
            if fact.at_us != at_us:
                if self._ending is not None and at_us is not None:
                    self._end(at_us)
                at_us = fact.at_us
            kind = type(fact)
            if kind is Stage:
                self._enter(fact)  # type: ignore[arg-type] # the exact type was just compared
            elif kind is Assigned:
                self._assign(fact)  # type: ignore[arg-type] # same
            elif kind is Touch:
                self._touched(fact)  # type: ignore[arg-type] # same
            else:
                self._other(fact)
        if self._ending is not None and at_us is not None:
            self._end(at_us)

    def _enter(self, fact: Stage) -> None:
        stage = fact.stage.casefold()
        if stage == self.stage or self.gone:
            return
        self.stage = stage
        if stage not in self.agreement.qualified_stages:
            self._sent_back_in = None
            if self.qualified:
                self._ending = (fact.id, f"left the qualified stages: {fact.stage}")
            return
        self._ending = None
        if not self.qualified:
            self.qualified = True
            self.cycle += 1
            self._again_us = fact.at_us if stage == self._sent_back_in else None
            self._began = (fact.id,)
            self._handoff = self._touch = None
        self._start_handoff(fact)
        self._start_touch(fact.at_us)

    def _assign(self, fact: Assigned) -> None:
        owner = fact.owner
        if _same(owner, self.owner):
            return
        self.owner = owner
        self._owned = (fact.id,)
        if not self.qualified:
            return
        if self._handoff is not None and self._handoff.stopped_us is None and _person(owner):
            self._handoff.stop(fact.at_us, fact.id, "owned by a person")
        if self._touch is None:
            self._start_touch(fact.at_us)
        elif self._touch.stopped_us is None:
            self._touch.pass_to(fact.at_us, owner)

    def _touched(self, fact: Touch) -> None:
        run = self._touch
        if run is not None and run.stopped_us is None and counts(fact, run.clock.touch, self.owner):
            run.stop(fact.at_us, fact.id, f"{fact.channel.value} by {self._who(fact)}")

    def _who(self, touch: Touch) -> str:
        """Who touched the lead, by the best name there is."""
        if touch.by_id is None:
            return touch.by_name or "a person"
        person = self.agreement.person(self.source, touch.by_id)
        if person is not None:
            return person.name
        owners = self.owner.name if self.owner is not None and self.owner.id == touch.by_id else None
        return touch.by_name or owners or touch.by_id

    def _other(self, fact: AnyFact) -> None:
        match fact:
            case Rejected():
                run = self._touch
                if run is not None and run.stopped_us is None and run.clock.cancelled_by_rejection:
                    run.cancel(fact.at_us, fact.id, _with("rejected by sales", fact.reason))
            case Disposed():
                if self.qualified and fact.disposition.casefold() in self.agreement.closing_dispositions:
                    self._ending = (fact.id, _with(fact.disposition, fact.reason))
            case Merged():
                self._lose(fact.id, f"merged into {fact.into}")
            case Deleted():
                self._lose(fact.id, "deleted in the CRM")
            case Created():
                self.gone = False
            case _:
                pass

    def _lose(self, event: str, reason: str) -> None:
        """The lead is gone; should it be created again, its stage and owner must be told anew."""
        self.gone, self.stage, self.owner, self._sent_back_in = True, None, None, None
        self._ending = (event, reason)

    def _start_handoff(self, fact: Stage) -> None:
        clock = self.agreement.handoff
        if clock is None or self._handoff is not None or self.stage not in clock.start_stages:
            return
        run = Run(clock, self.cycle, fact.at_us, (fact.id,), [(fact.at_us, None)])
        self._handoff = run
        self.runs.append(run)
        if _person(self.owner):
            run.stop(fact.at_us, self._owned[0], "owned by a person already")

    def _start_touch(self, at_us: int) -> None:
        clock = self.agreement.first_touch
        if clock is None or self._touch is not None or self._ending is not None or not _person(self.owner):
            return
        self._touch = Run(clock, self.cycle, at_us, self._began + self._owned, [(at_us, self.owner)])
        self.runs.append(self._touch)

    def _end(self, at_us: int) -> None:
        assert self._ending is not None
        event, reason = self._ending
        if self._again_us == at_us:
            # A snapshot of a lead that was sent back states its stage and the disposition once more: nothing began.
            self.runs = [run for run in self.runs if run.cycle != self.cycle]
            self.cycle -= 1
        for run in (self._handoff, self._touch):
            if run is not None and run.stopped_us is None:
                run.cancel(at_us, event, reason)
        self.qualified, self._ending, self._again_us = False, None, None
        if self.stage in self.agreement.qualified_stages:
            # A disposition ended the stay; when the lead enters a stage again, be it the same, that is a transition.
            self._sent_back_in, self.stage = self.stage, None


def counts(touch: Touch, rule: TouchRule, owner: Owner | None) -> bool:
    """Whether an activity is a touch in the agreement's sense. Who did it may be unknown; a machine is no person."""
    if not touch.completed or touch.channel not in rule.channels or touch.direction not in rule.directions:
        return False
    machine = touch.automated or touch.by_kind in (_AUTOMATION, _INTEGRATION)
    if machine and not rule.automated:
        return False
    return rule.by is _ANYONE or (owner is not None and touch.by_id == owner.id)


def _person(owner: Owner | None) -> bool:
    return owner is not None and owner.kind is _USER


def _same(one: Owner | None, other: Owner | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.id == other.id and one.kind is other.kind


def _with(what: str, reason: str | None) -> str:
    return f"{what}: {reason}" if reason else what
