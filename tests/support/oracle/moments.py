"""What is known of a lead after each of its facts: stage, owner, attributes, and the stay it is in."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from shared.events import lead
from shared.events.envelope import Owner
from tests.support.oracle.declared import Agreement

RANKS: tuple[tuple[type, ...], ...] = (
    (lead.LeadCreated,),
    (lead.LeadAttributesChanged,),
    (lead.LeadStageChanged,),
    (lead.LeadAssigned,),
    (lead.TouchLogged,),
    (lead.LeadAccepted, lead.LeadRejected, lead.LeadDisposed),
    (lead.LeadConverted, lead.DealEvent),
    (lead.LeadMerged,),
    (lead.LeadDeleted,),
)
"""The order of facts that have one instant."""


BEFORE = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The lead after a fact; `fact` is None before the first, between facts, and at the end of an instant."""

    at: dt.datetime = BEFORE
    fact: lead.LeadEvent | None = None
    stage: str | None = None
    owner: Owner | None = None
    attributes: Mapping[str, lead.Scalar] = field(default_factory=dict)
    source: str | None = None
    stay: int | None = None
    """The number of the stay that lasts."""
    ending: bool = False
    """Whether it ends with this instant, unless the lead comes back in it."""
    began: bool = False
    """Whether this fact began it."""
    lost: bool = False
    """Merged away or deleted."""

    @property
    def qualified(self) -> bool:
        """Whether a stay lasts."""
        return self.stay is not None and not self.ending


@dataclass(frozen=True, kw_only=True)
class Course:
    """The moments of a lead: after each fact, and before it; which of them share an instant.

    The last of each instant is its end, with no fact.
    """

    after: tuple[Moment, ...]
    before: tuple[Moment, ...]
    instants: tuple[range, ...]

    def stay_began(self, stay: int | None) -> int:
        """The place of the moment that began a stay."""
        return next(i for i, moment in enumerate(self.after) if moment.began and moment.stay == stay)


def in_order(events: Iterable[lead.LeadEvent], now: dt.datetime) -> list[lead.LeadEvent]:
    """Every event once, of every activity its latest report, up to `now`, in the order in which facts apply."""
    once = {event.id: event for event in events}
    latest: dict[str, lead.TouchLogged] = {}
    for event in sorted(once.values(), key=lambda event: (event.occurred_at, event.id)):
        if isinstance(event, lead.TouchLogged):
            latest[event.touch] = event
    others = [event for event in once.values() if not isinstance(event, lead.TouchLogged)]
    known = [event for event in [*others, *latest.values()] if event.at <= now]
    return sorted(known, key=lambda event: (event.at, _rank(event), event.id))


def _rank(event: lead.LeadEvent) -> int:
    return next(rank for rank, kinds in enumerate(RANKS) if isinstance(event, kinds))


def course(facts: Sequence[lead.LeadEvent], agreement: Agreement) -> Course:
    """Tell the facts one after the other, an instant at a time."""
    after: list[Moment] = []
    before: list[Moment] = []
    instants: list[range] = []
    telling = _Telling(agreement)
    for _, group in groupby(facts, key=lambda event: event.at):
        together = list(group)
        befores, afters = telling.tell(together)
        end = replace(afters[-1], fact=None, began=False)
        instants.append(range(len(after), len(after) + len(together) + 1))
        before += [*befores, end]
        after += [*afters, end]
    return Course(after=tuple(after), before=tuple(before), instants=tuple(instants))


@dataclass(kw_only=True)
class _Memory:
    """What must be remembered beside the moment: how many stays there were, in which stage the lead was sent back."""

    stays: int = 0
    sent_back_in: str | None = None


class _Telling:
    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._now = Moment()
        self._memory = _Memory()
        self._again = False
        self._may_begin = True

    def tell(self, together: Sequence[lead.LeadEvent]) -> tuple[list[Moment], list[Moment]]:
        """The moments before and after each fact of one instant."""
        start, memory = self._now, replace(self._memory)
        before, after = self._try(together)
        if (
            self._again and self._now.ending
        ):  # a snapshot said again in which stage the lead was, and that it was sent back
            self._now, self._memory, self._may_begin = start, memory, False
            before, after = self._try(together)
        settled = replace(self._now, fact=None, began=False)
        self._now = replace(settled, stay=None, ending=False) if settled.ending else settled
        return before, after

    def _try(self, together: Sequence[lead.LeadEvent]) -> tuple[list[Moment], list[Moment]]:
        self._again = False
        before, after = [], []
        for fact in together:
            before.append(replace(self._now, fact=None, began=False))
            self._now = self._apply(replace(self._now, at=fact.at, fact=fact, began=False, source=fact.source), fact)
            after.append(self._now)
        self._may_begin = True
        return before, after

    def _apply(self, now: Moment, fact: lead.LeadEvent) -> Moment:  # noqa: PLR0911 - one answer a kind of fact
        match fact:
            case lead.LeadCreated():
                return replace(now, attributes={**now.attributes, **fact.attributes}, lost=False)
            case lead.LeadAttributesChanged():
                return replace(now, attributes={**now.attributes, **fact.attributes})
            case lead.LeadStageChanged():
                return now if now.lost else self._enter(replace(now, stage=fact.stage), fact.stage)
            case lead.LeadAssigned():
                return replace(now, owner=fact.owner)
            case lead.LeadDisposed() if fact.disposition in self._agreement.closing:
                if not now.qualified:
                    return now
                self._memory.sent_back_in = now.stage
                return replace(_leave(now), stage=None)
            case lead.LeadMerged() | lead.LeadDeleted():
                self._memory.sent_back_in = None
                return replace(_leave(now), lost=True, stage=None, owner=None)
            case _:
                return now

    def _enter(self, now: Moment, stage: str) -> Moment:
        if stage not in self._agreement.qualified:
            self._memory.sent_back_in = None
            return _leave(now)
        if now.stay is not None:
            return replace(now, ending=False)
        if not self._may_begin:
            return now
        self._again = stage == self._memory.sent_back_in
        self._memory.stays += 1
        return replace(now, stay=self._memory.stays, began=True)


def _leave(now: Moment) -> Moment:
    return replace(now, ending=now.stay is not None)
