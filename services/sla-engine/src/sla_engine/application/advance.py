"""One lead's step: its dossier, what is new, and the judging instant give what must be stored and said.

Pure. The same core serves arriving events, due wake-ups and a changed agreement; only `events` and the instant differ.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from shared.events.forgetting import FORGOTTEN_NAME, without_person
from shared.events.lead import LeadEvent, LeadJoined
from shared.events.sla import AnySlaEvent, LeadForgotten
from sla_engine.application.dossier import Dossier, provenance_to_bytes
from sla_engine.application.filing import Filed, LastSaid, filing, fingerprint, last_said
from sla_engine.application.forgetting import (
    asked_us,
    deletions,
    deletions_for,
    forget,
    is_forgotten,
    nameless,
    reasonless,
    said_forgotten,
    until_asked,
)
from sla_engine.application.joining import kept_promises, merges, passing_on
from sla_engine.domain.announced import Announced, Transition
from sla_engine.domain.announcement import announce, next_wake
from sla_engine.domain.editions import Editions, judge_under
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us, to_us
from sla_engine.domain.obligation import Verdict

# Bound once: in Python 3.11 each look at a member of an enum is a call.
_BREACHED = Transition.BREACHED
_EXCUSED = Transition.EXCUSED


class Closing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A filed obligation that the facts no longer bear out, and what was last said about it."""

    id: str
    said: LastSaid | None


class Step(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one lead's step changes. `after.id` is None for a lead that is not stored yet."""

    before: Dossier | None
    after: Dossier
    name: str
    crm_url: str | None
    provenance: bytes
    rows: Sequence[Filed]
    closings: Sequence[Closing]
    said: Sequence[AnySlaEvent]
    settle_us: int
    """The longest settle time among this lead's promises: a breach could not be announced before it was over."""
    passes_on: Sequence[LeadEvent] = ()
    """For `lead.events`: what other leads must be told, because this one is the same person."""
    forgotten: LeadForgotten | None = None
    """Set where the person asked to be deleted: what is personal must go from every row about the lead."""

    @property
    def history_changed(self) -> bool:
        """Whether the history must be written."""
        return self.before is None or self.before.history is not self.after.history

    @property
    def wake_changed(self) -> bool:
        """Whether the wake-up must be written."""
        return (None if self.before is None else self.before.wake_us) != self.after.wake_us


def advance(
    before: Dossier | None,
    events: Sequence[LeadEvent],
    editions: Editions,
    *,
    through_us: int,
    now: datetime,
) -> Step | None:
    """Take in `events` and judge. None: nothing changes (all were duplicates, or the person asked to be forgotten).

    `through_us` is how far the partition's input is known (the gate): no verdict may rest on time that passed after
    it, unless one of `events` is later. `now` is the wall clock, for the announcements' stamp.
    """
    if before is not None and is_forgotten(before.history):
        return _still_forgotten(before, events, now)
    history, changed = _history(before, events)
    if not changed and events:
        return None
    history, joining = passing_on(None if before is None else before.history, history)
    passes_on: Sequence[LeadEvent] = joining
    forgotten = is_forgotten(history)
    told_before = Announced() if before is None else before.announced
    now_us = to_us(now)
    seen_us = max(told_before.seen_us, min(_seen_us(events), now_us))
    judged_us = max(
        min(through_us, now_us), seen_us, _named_us(before, editions), asked_us(history) if forgotten else 0
    )
    judged_at = from_us(judged_us)
    counts = until_asked(history) if forgotten else history
    verdict = kept_promises(judge_under(counts, editions, judged_at), counts)
    if forgotten:
        verdict, passes_on = nameless(verdict), deletions(history)
    trace = events[-1].traceparent if events else None
    said, announced = announce(told_before, verdict, judged_at, announced_at=now, traceparent=trace)
    if forgotten:
        announced = announced.without_reasons()
    wake = next_wake(verdict, announced, judged_at)
    last = {event.obligation: last_said(event) for event in said}
    papers = _file(before, verdict, last, moved=merges(history))
    after = Dossier(
        key=history.lead,
        id=None if before is None else before.id,
        history=forget(history) if forgotten else history,
        announced=announced if announced.seen_us == seen_us else Announced(announced.told, seen_us),
        filed=papers.filed,
        wake_us=None if wake is None or forgotten else to_us(wake),
    )
    return Step(
        before=before,
        after=after,
        name=verdict.lead_name,
        crm_url=verdict.crm_url,
        provenance=provenance_to_bytes([event for event in events if type(event) is not LeadJoined]),
        rows=reasonless(papers.rows) if forgotten else papers.rows,
        closings=papers.closings,
        said=[without_person(event) for event in said] if forgotten else said,
        settle_us=max([obligation.settle_us for obligation in verdict.obligations], default=0),
        passes_on=passes_on,
        forgotten=said_forgotten(history, announced_at=now) if forgotten else None,
    )


def _still_forgotten(before: Dossier, events: Sequence[LeadEvent], now: datetime) -> Step | None:
    """Whatever is told of a lead that is forgotten is not kept; who else is the same person is to be forgotten too."""
    if not events:
        return None
    return Step(
        before=before,
        after=before,
        name=FORGOTTEN_NAME,
        crm_url=None,
        provenance=b"",
        rows=(),
        closings=(),
        said=(),
        settle_us=0,
        passes_on=deletions_for(before.history, events),
        forgotten=said_forgotten(before.history, announced_at=now),
    )


class _Papers(msgspec.Struct):
    """What is to be filed."""

    filed: dict[str, int]
    rows: list[Filed]
    closings: list[Closing]


def _file(before: Dossier | None, verdict: Verdict, last: Mapping[str, LastSaid], *, moved: frozenset[str]) -> _Papers:
    """Compare the verdict with what is filed. `moved` are the events by which promises went on to another lead."""
    filed_before = {} if before is None else before.filed
    papers = _Papers({}, [], [])
    for obligation in verdict.obligations:
        now = papers.filed[obligation.id] = fingerprint(obligation)
        said = last.get(obligation.id)
        if said is not None or filed_before.get(obligation.id) != now:
            papers.rows.append(Filed(filing=filing(obligation, moved=moved), said=said))
    papers.closings += [
        Closing(id=vanished, said=last.get(vanished)) for vanished in filed_before.keys() - papers.filed.keys()
    ]
    return papers


def _history(before: Dossier | None, events: Sequence[LeadEvent]) -> tuple[History, bool]:
    if before is None:
        return History.of(events), True
    if not events:
        return before.history, False
    return before.history.with_events(events)


def _seen_us(events: Sequence[LeadEvent]) -> int:
    """How far the lead's own part of the log is known by these events: it is in order per lead.

    It stays known, also where our clock is set back: an older event that comes later must not have the lead judged at
    an earlier instant again.

    An event proves nothing beyond its arrival: the time of a planned meeting lies ahead of it, and a CRM's clock may.
    """
    # compared as they are: a datetime is dear to turn into a number
    seen = [min(event.at, event.received_at) for event in events if type(event) is not LeadJoined]
    return to_us(max(seen)) if seen else 0


def _named_us(before: Dossier | None, editions: Editions) -> int:
    """The latest instant that an announcement which stands has named, or that put in force the edition it was made by:
    it was judged then, or later.

    No lead is judged earlier again, as after a clock was set back: true announcements would be taken back for it.
    """
    if before is None:
        return 0
    # a promise is broken, and excused, only after its deadline
    named_us = max(
        [
            saying.at_us + (saying.transition is _BREACHED or saying.transition is _EXCUSED)
            for told in before.announced.told
            for saying in told.sayings
            if saying.standing
        ],
        default=0,
    )
    return named_us if len(editions.all) == 1 else max(named_us, _in_force_us(before.announced, editions))


def _in_force_us(announced: Announced, editions: Editions) -> int:
    """When the newest edition came into force of those by which standing announcements were made."""
    versions = {told.version for told in announced.told if told.standing}
    applied_us = {edition.version: edition.applied_us for edition in reversed(editions.all[1:])}
    applied_us[editions.all[0].version] = 0  # it applies from the beginning of time
    return max([applied_us.get(version, 0) for version in versions], default=0)
