"""Which clocks ran when: the facts of a lead told one after the other, an instant at a time."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from shared.events import lead
from shared.events.envelope import ActorKind, Owner, OwnerKind
from tests.support.oracle.paper import Paper

RANKS: dict[type, int] = {
    lead.LeadCreated: 0,
    lead.LeadAttributesChanged: 1,
    lead.LeadStageChanged: 2,
    lead.LeadAssigned: 3,
    lead.TouchLogged: 5,
    lead.LeadAccepted: 6,
    lead.LeadRejected: 6,
    lead.LeadDisposed: 6,
    lead.LeadConverted: 7,
    lead.LeadMerged: 8,
    lead.LeadDeleted: 9,
}


@dataclass(kw_only=True)
class Clock:
    """One run of a clock: when it started, how it ended."""

    kind: str
    cycle: int
    start: dt.datetime
    size: object
    met: dt.datetime | None = None
    cancelled: dt.datetime | None = None
    owners: list[tuple[dt.datetime, Owner | None]] = field(default_factory=list)
    """Who owned the lead from when on, beginning at the start."""

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.met is None and self.cancelled is None


@dataclass(kw_only=True)
class Stay:
    """One stay in the qualified stages."""

    cycle: int
    again: dt.datetime | None = None
    """When it began, if in the stage in which a disposition had ended the one before."""
    handoff: Clock | None = None
    first_touch: Clock | None = None

    @property
    def clocks(self) -> list[Clock]:
        """The clocks that have started in it."""
        return [clock for clock in (self.handoff, self.first_touch) if clock is not None]


def in_order(events: Iterable[lead.LeadEvent], now: dt.datetime) -> list[lead.LeadEvent]:
    """Every event once, of every activity its latest report, up to `now`, in the order of domain.md 6."""
    once = {event.id: event for event in events}
    latest: dict[str, lead.TouchLogged] = {}
    for event in sorted(once.values(), key=lambda event: (event.occurred_at, event.id)):
        if isinstance(event, lead.TouchLogged):
            latest[event.touch] = event
    current = [event for event in once.values() if not isinstance(event, lead.TouchLogged)]
    known = [event for event in [*current, *latest.values()] if type(event) in RANKS and event.at <= now]
    return sorted(known, key=_place)


def _place(event: lead.LeadEvent) -> tuple[dt.datetime, int, str]:
    kind: type = type(event)
    return event.at, RANKS[kind], event.id


class Telling:
    """Tells the facts of one lead and remembers the clocks they start, stop and cancel."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._cycle = 0
        self._stay: Stay | None = None
        self._left: list[Stay] = []
        self._owner: Owner | None = None
        self._size: object = None
        self._stage: str | None = None
        self._sent_back_in: str | None = None
        self._gone = False
        self.clocks: list[Clock] = []

    def tell(self, facts: Sequence[lead.LeadEvent]) -> list[Clock]:
        """All clocks that the facts, in their order, set going."""
        for at, together in groupby(facts, key=lambda event: event.at):
            self._left = []
            for fact in together:
                self._apply(fact, at)
                self._start_what_begins(at)
            self._forget_what_was_repeated(at)
            for stay in self._left:  # a stop at the same instant goes before
                for clock in stay.clocks:
                    if clock.runs:
                        clock.cancelled = at
        return self.clocks

    def _forget_what_was_repeated(self, at: dt.datetime) -> None:
        """A snapshot of a lead that was sent back says again which stage it was in and that it was sent back."""
        for stay in self._left:
            if stay.again == at and stay.cycle == self._cycle:
                self._cycle -= 1
                self.clocks = [clock for clock in self.clocks if clock.cycle != stay.cycle]

    def _apply(self, fact: lead.LeadEvent, at: dt.datetime) -> None:
        match fact:
            case lead.LeadCreated() | lead.LeadAttributesChanged():
                self._learn(fact.attributes)
                if isinstance(fact, lead.LeadCreated):
                    self._gone = False
            case lead.LeadStageChanged():
                self._enter_stage(fact.stage, at)
            case lead.LeadAssigned():
                self._assign(fact.owner, at)
            case lead.TouchLogged():
                self._touch(fact, at)
            case lead.LeadRejected():
                self._reject()
            case lead.LeadDisposed(disposition=disposition) if disposition in self._paper.closing:
                self._sent_back_in = self._stage if self._stay is not None else self._sent_back_in
                self._leave()
            case lead.LeadMerged() | lead.LeadDeleted():
                self._leave()
                self._gone, self._owner, self._sent_back_in = True, None, None
            case _:
                pass

    def _learn(self, attributes: Mapping[str, lead.Scalar]) -> None:
        """What is told for the first time only after a start counts as if it had been known: it was not otherwise."""
        if "size" in attributes:
            self._size = attributes["size"]
            for clock in self.clocks:
                clock.size = clock.size if clock.size is not None else self._size

    def _enter_stage(self, stage: str, at: dt.datetime) -> None:
        if self._gone:
            return
        self._stage = stage
        if stage not in self._paper.qualified:
            self._leave()
            self._sent_back_in = None
            return
        if self._stay is None:
            self._stay = next((stay for stay in self._left if stay.cycle == self._cycle), None)
            self._left = [stay for stay in self._left if stay is not self._stay]
        if self._stay is None:
            self._cycle += 1
            self._stay = Stay(cycle=self._cycle, again=at if stage == self._sent_back_in else None)
        if stage in self._paper.handoff_at and self._stay.handoff is None:
            self._stay.handoff = self._new("handoff", at)

    def _leave(self) -> None:
        """It counts at the end of the instant: back in a qualified stage by then, the lead never left."""
        if self._stay is not None:
            self._left.append(self._stay)
            self._stay = None

    def _assign(self, owner: Owner | None, at: dt.datetime) -> None:
        if _same(owner, self._owner):
            return
        self._owner = owner
        for stay in self._now():
            for clock in stay.clocks:
                if clock.runs:  # of several owners at one instant, the last
                    clock.owners = [turn for turn in clock.owners if turn[0] != at] + [(at, owner)]
            if stay.handoff is not None and stay.handoff.runs and self._owned_by_a_person:
                stay.handoff.met = at

    def _touch(self, touch: lead.TouchLogged, at: dt.datetime) -> None:
        for stay in self._now():
            clock = stay.first_touch
            if clock is not None and clock.runs and self._counts(touch):
                clock.met = at

    def _counts(self, touch: lead.TouchLogged) -> bool:
        rule = self._paper.first_touch
        if not touch.completed or touch.channel not in rule.channels or touch.direction not in rule.directions:
            return False
        by = touch.performed_by
        machine = touch.automated or (by is not None and by.kind in {ActorKind.AUTOMATION, ActorKind.INTEGRATION})
        if machine and not rule.automated_counts:
            return False
        if rule.by_owner:
            return by is not None and self._owner is not None and by.id == self._owner.id
        return True

    def _reject(self) -> None:
        if self._paper.first_touch.cancelled_by_rejection and self._stay is not None:
            self._left.append(Stay(cycle=self._stay.cycle, first_touch=self._stay.first_touch))

    def _start_what_begins(self, at: dt.datetime) -> None:
        stay = self._stay
        if stay is None or not self._owned_by_a_person:
            return
        if stay.handoff is not None and stay.handoff.runs:
            stay.handoff.met = at
        if stay.first_touch is None:
            stay.first_touch = self._new("first_touch", at)

    def _new(self, kind: str, at: dt.datetime) -> Clock:
        clock = Clock(kind=kind, cycle=self._cycle, start=at, size=self._size, owners=[(at, self._owner)])
        self.clocks.append(clock)
        return clock

    def _now(self) -> list[Stay]:
        """The present stay, and those left at this very instant: a stop still counts for them."""
        return [*self._left, *([self._stay] if self._stay is not None else [])]

    @property
    def _owned_by_a_person(self) -> bool:
        return self._owner is not None and self._owner.kind is OwnerKind.USER


def _same(one: Owner | None, other: Owner | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.kind, one.id) == (other.kind, other.id)
