"""The simulated database: the engine's tables as PostgreSQL keeps them, changed by whole commits only.

A commit is applied at one instant, which is what the lock on the partition's row comes to: any two commits and claims
of a partition stand one after the other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.events.sla import AnySlaEvent
from sla_engine.application.advance import Step
from sla_engine.application.dossier import Dossier, filed_from_bytes, filed_to_bytes
from sla_engine.application.filing import Filing
from sla_engine.application.ports import Behind, Claim, Commit, DeadLetter, Fenced, StoreUnavailable, Unstorable
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.announced import Announced
from sla_engine.domain.editions import Editions, OpenChoice
from sla_engine.domain.history import History


@dataclass(slots=True)
class LeadRow:
    """Of `leads`."""

    key: str
    partition: int
    history: bytes
    announced: bytes
    filed: bytes


@dataclass(slots=True)
class PartitionRow:
    """Of `partitions`."""

    epoch: int = 0
    position: int | None = None
    through_us: int = 0
    agreement: str | None = None
    editions: int = 0


@dataclass(slots=True)
class ObligationRow:
    """Of `obligations`; `withdrawn` stands for its state."""

    lead: int
    filing: Filing
    said: str | None
    withdrawn: bool = False


@dataclass(slots=True)
class Tables:
    """Everything durable."""

    leads: dict[int, LeadRow] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    partitions: dict[int, PartitionRow] = field(default_factory=dict)
    wakeups: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Lead → instant and partition."""
    obligations: dict[str, ObligationRow] = field(default_factory=dict)
    outbox: list[tuple[int, AnySlaEvent]] = field(default_factory=list)
    """Partition and event, in the order of their ids."""
    dead_letters: dict[tuple[int, int], DeadLetter] = field(default_factory=dict)


class Database:
    """The server. `now_us` is its own clock, which is right. `editions` are those of `agreements`."""

    def __init__(self, now_us: Callable[[], int], agreement: Agreement) -> None:
        self.tables = Tables()
        self.editions = Editions.only(agreement)
        self._now_us = now_us
        self._next_id = 1

    def claim(self, partition: int) -> Claim:
        """CLAIM."""
        row = self.tables.partitions.setdefault(partition, PartitionRow(editions=self.editions.newest.number))
        row.epoch += 1
        return Claim(
            partition=partition,
            epoch=row.epoch,
            position=row.position,
            through_us=row.through_us,
            agreement=row.agreement,
        )

    def dossier(self, lead: int) -> Dossier:
        """One row of LOAD_BY_ID."""
        row = self.tables.leads[lead]
        wake = self.tables.wakeups.get(lead)
        return Dossier(
            key=row.key,
            id=lead,
            history=History.from_bytes(row.history),
            announced=Announced.from_bytes(row.announced),
            filed=filed_from_bytes(row.filed),
            wake_us=None if wake is None else wake[0],
        )

    def wakeups(self, partition: int, from_us: int, to_us: int, limit: int) -> list[tuple[int, int]]:
        """WAKEUPS."""
        found = [
            (wake_us, lead)
            for lead, (wake_us, of) in self.tables.wakeups.items()
            if of == partition and from_us <= wake_us < to_us
        ]
        return sorted(found)[:limit]

    def open_leads(self, partition: int, after: int, limit: int, windows: Sequence[tuple[int, int]]) -> list[int]:
        """OPEN_LEADS and OPEN_OR_IN_WINDOWS."""
        found = {
            row.lead
            for row in self.tables.obligations.values()
            if row.lead > after
            and self.tables.leads[row.lead].partition == partition
            and not row.withdrawn
            and _open_or_in(row.filing, windows)
        }
        return sorted(found)[:limit]

    def apply(self, commit: Commit) -> Mapping[str, int]:
        """One transaction: all of it, or an error and nothing of it."""
        row = self.tables.partitions.get(commit.partition)
        if row is None or self.fences(commit, row):
            raise Fenced(commit.partition, commit.epoch)
        if self.lacks(commit, row):
            raise Behind(commit.editions)
        written = [_written(step) for step in commit.steps]
        if any(step.before is None and step.after.key in self.tables.ids for step in commit.steps):
            raise StoreUnavailable("unique violation: two owners met on a new lead")
        row.position = row.position if commit.position is None else commit.position
        row.through_us = max(row.through_us, min(commit.through_us, self._now_us()))
        row.agreement = row.agreement if commit.agreement is None else commit.agreement
        ids: dict[str, int] = {}
        for step, kept in zip(commit.steps, written, strict=True):
            self._take(commit.partition, step, kept, ids)
        for letter in commit.dead_letters:
            self.tables.dead_letters.setdefault((commit.partition, letter.offset), letter)
        return ids

    def fences(self, commit: Commit, row: PartitionRow) -> bool:
        """FENCE: whether the commit comes of an owner that is none any more."""
        return row.epoch != commit.epoch

    def lacks(self, commit: Commit, row: PartitionRow) -> bool:
        """FENCE, too: whether an edition was applied of which the owner had not heard."""
        return row.editions > commit.editions

    def edit(self, agreement: Agreement, open_: OpenChoice) -> None:
        """REQUIRE and APPLY."""
        rows = self.tables.partitions.values()
        for row in rows:
            row.editions = self.editions.newest.number + 1
        judged_us = max([row.through_us for row in rows], default=0)
        applied_us = max(self._now_us(), self.editions.newest.applied_us + 1, judged_us + 1)
        self.editions = self.editions.followed_by(agreement, applied_us=applied_us, open_=open_)

    def _take(self, partition: int, step: Step, kept: LeadRow, ids: dict[str, int]) -> None:
        lead = step.after.id
        if step.before is None:
            lead = ids[step.after.key] = self.tables.ids[step.after.key] = self._next_id
            self._next_id += 1
            kept.partition = partition
            self.tables.leads[lead] = kept
        else:
            assert lead is not None
            row = self.tables.leads[lead]
            row.announced, row.filed = kept.announced, kept.filed
            row.history = kept.history if step.history_changed else row.history
        if step.wake_changed:
            self._wake(partition, lead, step.after.wake_us)
        for filed in step.rows:
            known = self.tables.obligations.get(filed.filing.id)
            said = filed.said.event if filed.said is not None else (known.said if known is not None else None)
            self.tables.obligations[filed.filing.id] = ObligationRow(lead, filed.filing, said)
        for closing in step.closings:
            row_of = self.tables.obligations[closing.id]
            row_of.withdrawn = True
            row_of.said = row_of.said if closing.said is None else closing.said.event
        self.tables.outbox += [(partition, event) for event in step.said]

    def _wake(self, partition: int, lead: int, wake_us: int | None) -> None:
        if wake_us is None:
            self.tables.wakeups.pop(lead, None)
        else:
            self.tables.wakeups[lead] = (wake_us, partition)


def _open_or_in(filing: Filing, windows: Sequence[tuple[int, int]]) -> bool:
    stopped_us = filing.stopped_us
    return stopped_us is None or any(
        filing.started_us <= until_us and max(stopped_us, filing.deadline_us) >= since_us
        for since_us, until_us in windows
    )


def _written(step: Step) -> LeadRow:
    """The lead's row as bytes; raises `Unstorable` where there are none for it, as the real store does."""
    after = step.after
    try:
        return LeadRow(after.key, 0, after.history.to_bytes(), after.announced.to_bytes(), filed_to_bytes(after.filed))
    except (OverflowError, UnicodeError) as error:
        raise Unstorable(f"{type(error).__name__}: {error}") from error
