"""What must hold, at every commit and at the end of a run."""

import traceback
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from shared.events.lead import LeadDeleted, LeadEvent, LeadJoined
from shared.events.sla import AnySlaEvent, ObligationAtRisk, ObligationBreached, ObligationRetracted, event_type
from sla_engine.application.forgetting import forget, is_forgotten, until_asked
from sla_engine.application.joining import join_all, kept_promises, same_person
from sla_engine.application.ports import Commit
from sla_engine.domain.announced import Announced
from sla_engine.domain.announcement import LATE_AFTER_SECONDS, announce
from sla_engine.domain.editions import judge_under
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us, to_us
from sla_engine.domain.obligation import Obligation, State, Verdict
from tests.support.simulation.database import Database
from tests.support.simulation.log import Log
from tests.support.simulation.loop import VirtualLoop
from tests.support.simulation.process import BEGIN, Process, true_time

Known = tuple[int, float, LeadEvent]
"""Offset, when it was acknowledged (true seconds), event."""


class Checker:
    """Collects what was violated; the run goes on."""

    def __init__(self, *, database: Database, log: Log, loop: VirtualLoop) -> None:
        self._database = database
        self._tables = database.tables
        self._log = log
        self._loop = loop
        self._known: dict[str, list[Known]] = defaultdict(list)
        self._bad: dict[tuple[int, int], str] = {}
        self._ids: set[str] = set()
        self._standing: dict[str, dict[str, AnySlaEvent]] = defaultdict(dict)
        self._positions: dict[int, int] = {}
        self.violations: list[str] = []
        self.commits = 0

    def appended(self, event: LeadEvent | None, partition: int, offset: int, *, good: bool) -> None:
        """A record was acknowledged."""
        if event is None or not good:
            self._bad[partition, offset] = "" if event is None else event.lead
        else:
            self._known[event.lead].append((offset, self._loop.time(), event))

    def died(self, process: Process, error: BaseException) -> None:
        """An engine ended by an error that it should have survived."""
        self._violated(f"{process}'s engine ended: " + "".join(traceback.format_exception(error)[-2:]))

    def committed(self, process: Process, commit: Commit, ids: Mapping[str, int]) -> None:
        """A commit was applied just now."""
        self.commits += 1
        row = self._tables.partitions[commit.partition]
        if commit.epoch != row.epoch:
            self._violated(f"{process} committed under epoch {commit.epoch}, the partition is at {row.epoch}")
        if commit.position is not None:
            before = self._positions.get(commit.partition, 0)
            if not before <= commit.position <= self._log.partitions[commit.partition].end:
                self._violated(f"the position of partition {commit.partition} went from {before} to {commit.position}")
            self._positions[commit.partition] = commit.position
        for step in commit.steps:
            lead = step.after.id if step.after.id is not None else ids[step.after.key]
            for event in step.said:
                self._said(process, commit, lead, event)
            self._wakes(lead, step.settle_us)

    def finished(self, end_seconds: float) -> None:
        """The run is over; `end_seconds` is long after the last deadline."""
        told = {key: [event for _, _, event in known] for key, known in self._known.items()}
        own = {key: [event for event in events if not isinstance(event, LeadJoined)] for key, events in told.items()}
        expected = join_all({key: events for key, events in own.items() if events})
        asked = {key for key, events in own.items() if any(_asks_to_be_forgotten(event) for event in events)}
        self._all_read(asked)
        written = [event.id for _, event in self._tables.outbox]
        if len(written) != len(self._ids) or set(written) != self._ids:
            self._violated("the outbox does not hold, once each, what the commits announced")
        near = {key for key, history in expected.items() if asked & {key, *same_person(history)}}
        for key in self._known:
            lead = self._tables.ids.get(key)
            if lead is None:
                self._violated(f"{key} was lost: it is not stored")
                continue
            row = self._tables.leads[lead]
            if _ids(Announced.from_bytes(row.announced)) != set(self._standing[key]):
                self._violated(f"{key}: what is noted as announced is not what was announced")
            if lead in self._tables.wakeups and self._tables.wakeups[lead][0] <= _us(end_seconds):
                self._violated(f"{key}: a wake-up was never attended to")
            if key in near:
                self._forgotten(key, lead, asked=key in asked)
            else:
                self._converged(key, lead, expected[key], BEGIN + timedelta(seconds=end_seconds))

    def _converged(self, key: str, lead: int, expected: History, end: datetime) -> None:
        """Stored and announced is what would be if everything had come in order."""
        if History.from_bytes(self._tables.leads[lead].history) != expected:
            self._violated(f"{key}: its history is not that of its events")
        verdict = kept_promises(judge_under(expected, self._database.editions, end), expected)
        said = self._standing[key].values()
        if _net(said) != (should := _net(announce(Announced(), verdict, end)[0])):
            self._violated(f"{key}: announced in the end {sorted(_net(said) ^ should)} (difference)")
        for event in said:
            if isinstance(event, ObligationAtRisk) and not _true(event, verdict):
                self._violated(f"{key}: a warning stands that is not true: {event.clock} {event.warning}")
        self._filed(key, verdict)

    def _forgotten(self, key: str, lead: int, *, asked: bool) -> None:
        """A person who asked to be forgotten is, and says nothing any more."""
        history = History.from_bytes(self._tables.leads[lead].history)
        if asked and (not is_forgotten(history) or forget(history) != history):
            self._violated(f"{key}: asked to be forgotten, and is not")
        if asked and lead in self._tables.wakeups:
            self._violated(f"{key}: forgotten, and yet it will wake")

    def _all_read(self, asked: Collection[str]) -> None:
        for number, partition in enumerate(self._log.partitions):
            position = self._positions.get(number, partition.beginning)
            if position != partition.end:
                self._violated(f"partition {number} was read up to {position}, it ends at {partition.end}")
        letters = self._tables.dead_letters.keys()
        needless = {where for where, lead in self._bad.items() if lead in asked}
        if not self._bad.keys() - needless <= letters <= self._bad.keys():
            why = [f"{where}: {letter.detail}" for where, letter in self._tables.dead_letters.items()]
            self._violated(f"put aside: {why}; should be {sorted(self._bad)}")

    def _said(self, process: Process, commit: Commit, lead: int, event: AnySlaEvent) -> None:
        if event.id in self._ids:
            self._violated(f"{event.id} ({event_type(event)}) was written twice")
        self._ids.add(event.id)
        standing = self._standing[event.lead]
        if isinstance(event, ObligationRetracted):
            self._taken_back(lead, standing.pop(event.retracts, None), event)
            return
        standing[event.id] = event
        twins = [each for each in standing.values() if _about(each) == _about(event)]
        if len(twins) > 1:
            self._violated(f"{event.lead}: {event_type(event)} of {event.clock} {event.cycle} stands twice")
        if isinstance(event, ObligationBreached):
            self._late_mark(event, due_us=to_us(event.occurred_at) + max(self._settle_us(event), 1))
            self._true_by_the_log(process, commit, lead, event)
        elif isinstance(event, ObligationAtRisk):
            self._late_mark(event, due_us=to_us(event.occurred_at))

    def _settle_us(self, event: AnySlaEvent) -> int:
        """As the edition has it by which the event was judged."""
        clocks = self._database.editions.by_version(event.agreement_version).clocks
        return next(clock.settle_us for clock in clocks if clock.id == event.clock)

    def _taken_back(self, lead: int, before: AnySlaEvent | None, event: ObligationRetracted) -> None:
        """What is taken back stood, and is not true by what is known now, whatever time it is."""
        if before is None:
            self._violated(f"{event.lead}: {event.retracts} was taken back, and does not stand")
            return
        verdict = self._verdict(lead)
        if _true(before, verdict):
            self._violated(
                f"{event.lead}: {event_type(before)} of {before.clock} {before.cycle} is true, and taken back"
            )

    def _verdict(self, lead: int, *more: LeadEvent) -> Verdict:
        history = History.from_bytes(self._tables.leads[lead].history).with_events(more)[0]
        history = until_asked(history) if is_forgotten(history) else history
        later = true_time(self._loop) + timedelta(days=1)
        return kept_promises(judge_under(history, self._database.editions, later), history)

    def _late_mark(self, event: ObligationBreached | ObligationAtRisk, *, due_us: int) -> None:
        over = (to_us(event.announced_at) - due_us) / 1e6
        if event.late != (over > LATE_AFTER_SECONDS):
            self._violated(f"{event.lead}: {event_type(event)}, {over:.1f} s after it was due, late={event.late}")

    def _true_by_the_log(self, process: Process, commit: Commit, lead: int, event: ObligationBreached) -> None:
        """No unread record that was acknowledged before the breach was due says that it is none."""
        read = self._tables.partitions[commit.partition].position or 0
        settle_seconds = self._settle_us(event) / 1e6
        due = (event.deadline - BEGIN).total_seconds() + settle_seconds - process.machine.ahead_seconds
        unread = [known for offset, at, known in self._known[event.lead] if offset >= read and at < due]
        if not unread:
            return
        better = _find(self._verdict(lead, *unread), event.obligation)
        if better is None or better.breach is None or better.deadline != event.deadline:
            self._violated(f"{event.lead}: a false breach of {event.clock} {event.cycle}, due {event.deadline}")

    def _wakes(self, lead: int, settle_us: int) -> None:
        """A promise that may yet be broken has its wake-up, no later than the breach must be announced."""
        wake = self._tables.wakeups.get(lead)
        for row in self._tables.obligations.values():
            filed = row.filing
            if row.lead != lead or row.withdrawn or filed.stopped_us is not None or filed.state is State.PAUSED:
                continue
            broken = any(
                isinstance(each, ObligationBreached) and each.obligation == filed.id
                for each in self._standing[self._tables.leads[lead].key].values()
            )
            if not broken and (wake is None or wake[0] > filed.deadline_us + max(settle_us, 1)):
                self._violated(f"lead {lead}: {filed.clock} {filed.cycle} is open, and nothing will wake it in time")

    def _filed(self, key: str, verdict: Verdict) -> None:
        lead = self._tables.ids[key]
        rows = {id_: row for id_, row in self._tables.obligations.items() if row.lead == lead and not row.withdrawn}
        filed = {id_: (row.filing.state, row.filing.deadline_us, row.filing.stopped_us) for id_, row in rows.items()}
        should = {each.id: (each.state, each.deadline_us, each.stopped_us) for each in verdict.obligations}
        if filed != should:
            self._violated(f"{key}: filed is {filed}, should be {should}")

    def _violated(self, what: str) -> None:
        self.violations.append(f"{self._loop.time():.6f} s: {what}")


def _true(event: AnySlaEvent, verdict: Verdict) -> bool:
    """Whether what an event says is so in the end, by a verdict long after it."""
    if isinstance(event, ObligationAtRisk):
        about = _find(verdict, event.obligation)
        return about is not None and any(
            (due.name, from_us(due.at_us)) == (event.warning, event.occurred_at) for due in about.warnings
        )
    return _net([event]) <= _net(announce(Announced(), verdict, from_us(verdict.now_us))[0])


def _asks_to_be_forgotten(event: LeadEvent) -> bool:
    return isinstance(event, LeadDeleted) and event.privacy


def _about(event: AnySlaEvent) -> tuple[str, str, str]:
    return event_type(event), event.obligation, f"{getattr(event, 'warning', '')} {event.occurred_at.isoformat()}"


def _net(said: Iterable[AnySlaEvent]) -> set[tuple[str, str, str, str]]:
    """What stands, warnings apart: they are given in time or not at all."""
    return {
        (event_type(each), each.clock, each.obligation[:8], each.occurred_at.isoformat())
        for each in said
        if not isinstance(each, ObligationAtRisk)
    }


def _ids(announced: Announced) -> set[str]:
    return {saying.event_id(told.obligation) for told in announced.told for saying in told.sayings if saying.standing}


def _find(verdict: Verdict, obligation: str) -> Obligation | None:
    return next((each for each in verdict.obligations if each.id == obligation), None)


def _us(at_seconds: float) -> int:
    return round(BEGIN.timestamp() * 1e6) + round(at_seconds * 1e6)
