"""Compares what was announced with the oracle, on the very same arrivals. Knows nothing of how fast anything was.

Lost: a fact of the whole story that does not stand announced in the end. Doubled: an id with two contents, or a fact
said again while it stands. False: something announced (or taken back) that the oracle denies, whatever it assumes of
what the engine could have read by then; or standing in the end although the oracle denies it.

What the engine could have read: at least what was acknowledged to its sender before the instant at which the
announcement fell due, at most what was appended before the announcement was made; and of a lead's log always a
beginning, for it is in order.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shared.events.lead import LeadEvent
from shared.events.sla import AnySlaEvent, ObligationAtRisk, ObligationRetracted, event_type
from tests.chaos.promises import Fact, Promises

MICROSECOND = dt.timedelta(microseconds=1)
AT_RISK = "at_risk"


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """A record of `lead.events`: when its append began, and when its event was first acknowledged to its sender."""

    event: LeadEvent
    appended_at: dt.datetime
    acknowledged_at: dt.datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A record of `sla.events`."""

    value: bytes
    event: AnySlaEvent


@dataclass(kw_only=True)
class Findings:
    """What is wrong, in words; nothing, where all is well."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        found = [
            f"{name}: {len(some)}" + "".join(f"\n  {each}" for each in some[:5])
            for name, some in (("lost", self.lost), ("doubled", self.doubled), ("false", self.false))
        ]
        return "\n".join(found)

    @property
    def none(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.false)


class Standing:
    """What stands announced, from `sla.events` read in the order of the log; a consumer that drops ids it has seen."""

    def __init__(self) -> None:
        self.facts: dict[str, dict[str, Fact]] = {}
        """By lead, by the id of the announcement."""
        self.seen: dict[str, Published] = {}
        self.doubled: list[str] = []
        self.taken_back: dict[str, Fact] = {}
        """By the id of the retraction."""
        self.dropped = 0
        """Records that came again."""

    def read(self, published: Published) -> None:
        """The next record."""
        event = published.event
        if (before := self.seen.get(event.id)) is not None:
            self.dropped += 1
            if before.value != published.value:
                self.doubled.append(f"{event.id} was said twice, with different words: {before.value!r} {event}")
            return
        self.seen[event.id] = published
        standing = self.facts.setdefault(event.lead, {})
        if isinstance(event, ObligationRetracted):
            if (fact := standing.pop(event.retracts, None)) is None:
                self.doubled.append(f"{event.retracts} of {event.lead} is taken back, and does not stand")
            else:
                self.taken_back[event.id] = fact
        elif (fact := fact_of(event)) in standing.values():
            self.doubled.append(f"{event.lead}: {fact} was announced again while it stands")
        else:
            standing[event.id] = fact


def fact_of(event: AnySlaEvent) -> Fact:
    """What an announcement says."""
    warning = event.warning if isinstance(event, ObligationAtRisk) else ""
    return Fact(
        event.clock, event.cycle, event_type(event).removeprefix("obligation."), event.occurred_at, warning=warning
    )


def check(promises: Promises, log: Mapping[str, Sequence[Logged]], published: Iterable[Published]) -> Findings:
    """Everything that is wrong. `log`: the records of each lead in the order of the log; nothing may be coming yet."""
    standing = Standing()
    for each in published:
        standing.read(each)
    findings = Findings(doubled=standing.doubled)
    for lead, records in log.items():
        _compare_end(promises, lead, records, standing, findings)
    for each in standing.seen.values():
        denied = _denied(promises, log.get(each.event.lead, ()), each.event, standing)
        if denied:
            findings.false.append(denied)
    return findings


def _missing(promises: Promises, lead: str, records: Sequence[Logged], standing: Standing) -> set[Fact]:
    """What must stand announced of a lead, and does not. Warnings are given in time or not at all."""
    true = promises.facts((each.event for each in records), long_after(records))
    return {fact for fact in true if fact.word != AT_RISK} - set(standing.facts.get(lead, {}).values())


def long_after(records: Sequence[Logged]) -> dt.datetime:
    """When every clock of a lead has come to its end."""
    return max(max(each.event.occurred_at, each.event.at) for each in records) + dt.timedelta(hours=1)


def _compare_end(
    promises: Promises, lead: str, records: Sequence[Logged], standing: Standing, findings: Findings
) -> None:
    true = promises.facts((each.event for each in records), long_after(records))
    stands = set(standing.facts.get(lead, {}).values())
    findings.lost += [f"{lead}: {fact}" for fact in _missing(promises, lead, records, standing)]
    findings.false += [f"{lead}: {fact} stands in the end, and the oracle denies it" for fact in stands - true]


def _denied(promises: Promises, records: Sequence[Logged], event: AnySlaEvent, standing: Standing) -> str:
    """Why no beginning of the lead's log that the engine may have known bears the announcement out; or nothing."""
    taken_back = standing.taken_back.get(event.id)
    if isinstance(event, ObligationRetracted) and taken_back is None:
        return ""  # found before: what it takes back does not stand
    fact = taken_back or fact_of(event)
    due = _due(promises, fact)
    least = 1 if taken_back else _known_at_least(records, due)
    for known, now in _situations(records, event.announced_at, least=least, due=due):
        if (fact in promises.facts(known, now)) is (taken_back is None):
            return ""
    what = "is taken back" if taken_back else "is announced"
    told = "".join(f"\n    {_line(each)}" for each in records)
    return f"{event.lead}: {fact} {what} at {event.announced_at:%H:%M:%S.%f} (due {due:%H:%M:%S.%f}), denied by:{told}"


def _line(logged: Logged) -> str:
    event = logged.event
    said = {
        name: value
        for name in ("stage", "owner", "disposition", "channel", "direction", "completed", "performed_by")
        if (value := getattr(event, name, None)) is not None
    }
    return (
        f"in the log {logged.appended_at:%H:%M:%S.%f}, acknowledged {logged.acknowledged_at:%H:%M:%S.%f}: "
        f"{event.id} {type(event).__name__} of {event.at:%H:%M:%S.%f} {said}"
    )


def _due(promises: Promises, fact: Fact) -> dt.datetime:
    """From when on it may be said. A limit is inclusive: a microsecond after the deadline at the earliest."""
    return fact.at + max(promises.settle(fact.clock), MICROSECOND) if fact.word == "breached" else fact.at


def _known_at_least(records: Sequence[Logged], due: dt.datetime) -> int:
    """How long a beginning of the log the engine must have read before it says what time alone makes due."""
    seen: set[str] = set()
    least = 1
    for place, each in enumerate(records, 1):
        if each.event.id not in seen and each.acknowledged_at < due:
            least = place
        seen.add(each.event.id)
    return least


def _situations(
    records: Sequence[Logged], announced_at: dt.datetime, *, least: int, due: dt.datetime
) -> Iterator[tuple[list[LeadEvent], dt.datetime]]:
    """What the engine may have known, and for when it may have judged: at the latest when it announced."""
    most = sum(each.appended_at <= announced_at for each in records)
    for count in range(most, least - 1, -1):
        known = [each.event for each in records[:count]]
        yield known, announced_at
    for count in range(most, least - 1, -1):  # the log may have been known up to an earlier instant only
        known = [each.event for each in records[:count]]
        for event in known:
            if due <= event.at - MICROSECOND < announced_at:
                yield known, event.at - MICROSECOND
