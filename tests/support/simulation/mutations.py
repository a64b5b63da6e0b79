"""Faults planted in what is under test: the simulator must find each. What it can't find, it does not guard."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from unittest.mock import patch

import msgspec

from shared.streams.gate import Gate
from sla_engine.application import advance as advancing
from sla_engine.application.advance import Step
from sla_engine.application.agenda import Agenda
from sla_engine.application.partition import Partition
from sla_engine.application.ports import Commit, StoreUnavailable
from sla_engine.domain.announced import Announced
from sla_engine.domain.announcement import LATE_AFTER_SECONDS, announce
from sla_engine.domain.instants import to_us
from tests.support.simulation.database import Database, PartitionRow

Mutation = Callable[[], contextlib.AbstractContextManager[object]]


def no_gate() -> contextlib.AbstractContextManager[object]:
    """Deadlines fire by the clock on the wall, whatever is still unread."""

    def reached(self: Gate, _position: int) -> datetime | None:
        pending: deque[tuple[datetime, int]] = self._pending
        if pending:
            self.read_through = pending[-1][0]
            pending.clear()
        return self.read_through

    return patch.object(Gate, "reached", reached)


def no_fence() -> contextlib.AbstractContextManager[object]:
    """A zombie's commit is taken."""
    return patch.object(Database, "fences", lambda _self, _commit, _row: False)


def forgetful_agenda() -> contextlib.AbstractContextManager[object]:
    """What a batch sets is not noted in memory."""
    real = Agenda.set

    def set_(self: Agenda, lead: int, wake_us: int | None) -> None:
        if wake_us is None or lead in self._at:
            real(self, lead, None)

    return patch.object(Agenda, "set", set_)


def no_stored_wakeups() -> contextlib.AbstractContextManager[object]:
    """Wake-ups live in memory only."""
    return patch.object(Step, "wake_changed", property(lambda _self: False))


@contextlib.contextmanager
def position_first() -> Iterator[None]:
    """The position is made durable before the results: a transaction too many."""
    real, torn = Database.apply, list[Commit]()

    def apply(self: Database, commit: Commit) -> Mapping[str, int]:
        if commit.position is not None and commit.steps:
            real(self, msgspec.structs.replace(commit, steps=(), dead_letters=()))
            commit = msgspec.structs.replace(
                commit, position=None, epoch=self.tables.partitions[commit.partition].epoch
            )
            torn.append(commit)
            if len(torn) % 5 == 0:  # it dies in between
                raise StoreUnavailable("the connection broke")
        return real(self, commit)

    with patch.object(Database, "apply", apply):
        yield


def results_first() -> contextlib.AbstractContextManager[object]:
    """Announcements go out beside the transaction: they stay although the rest of it is refused."""
    real = Database.apply

    def apply(self: Database, commit: Commit) -> Mapping[str, int]:
        row = self.tables.partitions.get(commit.partition, PartitionRow())
        if self.fences(commit, row):
            self.tables.outbox += [(commit.partition, event) for step in commit.steps for event in step.said]
        return real(self, commit)

    return patch.object(Database, "apply", apply)


def deaf_to_editions() -> contextlib.AbstractContextManager[object]:
    """Commits are taken of owners that have not heard of the newest edition."""
    return patch.object(Database, "lacks", lambda _self, _commit, _row: False)


def late_by_the_gate() -> contextlib.AbstractContextManager[object]:
    """Late is what was judged late, not what was told late."""

    def announced(before: Any, after: Any, now: datetime, *, announced_at: datetime, **how: Any) -> Any:  # noqa: ANN401 - passed on
        waited = (announced_at - now).total_seconds()
        return announce(
            before, after, now, announced_at=announced_at, late_after_seconds=LATE_AFTER_SECONDS + waited, **how
        )

    return patch.object(advancing, "announce", announced)


def gate_of_any_clock() -> contextlib.AbstractContextManager[object]:
    """The gate is stored by whatever clock the owner has, and believed by its successors."""
    real = Database.apply

    def apply(self: Database, commit: Commit) -> Mapping[str, int]:
        ids = real(self, commit)
        row = self.tables.partitions[commit.partition]
        row.through_us = max(row.through_us, commit.through_us)
        return ids

    return patch.object(Database, "apply", apply)


def forgets_what_it_saw() -> contextlib.AbstractContextManager[object]:
    """Each step knows only as much of the lead's log as its own events say."""
    return patch.object(Announced, "seen_us", 0)


def plans_prove_the_log() -> contextlib.AbstractContextManager[object]:
    """An event's own time counts as proof that the log was read up to it."""
    return patch.object(advancing, "_seen_us", lambda events: max([to_us(event.at) for event in events], default=0))


def judged_earlier_again() -> contextlib.AbstractContextManager[object]:
    """After a clock was set back leads are judged at earlier instants than before."""
    return patch.object(advancing, "_named_us", lambda _before, _editions: 0)


def cache_before_commit() -> contextlib.AbstractContextManager[object]:
    """What a batch makes of a lead counts before it is durable, and after it has failed."""
    real = Partition._commit

    async def commit(self: Partition, steps: list[Step], **how: object) -> None:
        for step in steps:
            if step.after.id is not None:
                self._cache.put(step.after)
        await real(self, steps, **how)  # type: ignore[arg-type]

    return patch.object(Partition, "_commit", commit)
