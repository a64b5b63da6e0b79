"""The engine's store on PostgreSQL: one transaction a commit, a handful of statements whatever the batch's size."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg
import msgspec

from shared.database import DatabaseError, database_errors
from sla_engine.adapters import queries
from sla_engine.adapters.oblivion import remove_from_letters, remove_persons
from sla_engine.adapters.outgoing import pass_on, to_outbox
from sla_engine.application.advance import Step
from sla_engine.application.dossier import Dossier, filed_from_bytes, filed_to_bytes
from sla_engine.application.filing import Filed, LastSaid, Outcome
from sla_engine.application.ports import Behind, Claim, Commit, DeadLetter, Fenced, StoreUnavailable, Unstorable
from sla_engine.domain.announced import Announced
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us
from sla_engine.domain.obligation import State

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

PASSING = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,  # two owners met on a new lead: one of them is about to be fenced
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Statements that fail with one of these may succeed when the work is taken up again from what is durable."""
REFUSED = (asyncpg.DataError, asyncpg.ProgramLimitExceededError, OverflowError, UnicodeError)
"""A value that no column takes: too far a date, too large a row."""


class PostgresStore:
    """The `Store` port on a pool of connections."""

    def __init__(self, pool: Pool, *, database_url: str, committed: Callable[[], None] = lambda: None) -> None:
        """`committed` is called after each commit that announced something: the relay need not look for it."""
        self._pool = pool
        self._url = database_url
        self._committed = committed

    async def claim(self, partition: int, *, owner: str) -> Claim:
        """As the port says."""
        with self._translated():
            row = await self._pool.fetchrow(queries.CLAIM, partition, owner)
        assert row is not None
        return Claim(
            partition=partition,
            epoch=row["epoch"],
            position=row["position"],
            through_us=row["through_us"],
            agreement=row["agreement"],
        )

    async def load(self, keys: Sequence[str]) -> Mapping[str, Dossier]:
        """As the port says."""
        with self._translated():
            rows = await self._pool.fetch(queries.LOAD_BY_KEY, keys)
        return {row["key"]: _dossier(row) for row in rows}

    async def load_by_id(self, leads: Sequence[int]) -> Sequence[Dossier]:
        """As the port says."""
        with self._translated():
            rows = await self._pool.fetch(queries.LOAD_BY_ID, leads)
        return [_dossier(row) for row in rows]

    async def wakeups(self, partition: int, *, from_us: int, to_us: int, limit: int) -> Sequence[tuple[int, int]]:
        """As the port says."""
        with self._translated():
            rows = await self._pool.fetch(queries.WAKEUPS, partition, from_us, to_us, limit)
        return [(row["wake_us"], row["lead"]) for row in rows]

    async def open_leads(
        self, partition: int, *, after: int, limit: int, windows: Sequence[tuple[int, int]] = ()
    ) -> Sequence[int]:
        """As the port says."""
        with self._translated():
            if windows:
                ends = _columns((from_us(since_us), from_us(until_us)) for since_us, until_us in windows)
                rows = await self._pool.fetch(queries.OPEN_OR_IN_WINDOWS, partition, after, limit, *ends)
            else:
                rows = await self._pool.fetch(queries.OPEN_LEADS, partition, after, limit)
        return [row["lead"] for row in rows]

    async def commit(self, commit: Commit) -> Mapping[str, int]:
        """As the port says."""
        with self._translated():
            async with self._pool.acquire() as connection, connection.transaction():
                fenced = await connection.execute(
                    queries.FENCE,
                    commit.partition,
                    commit.epoch,
                    commit.position,
                    commit.through_us,
                    commit.agreement,
                    commit.editions,
                )
                if not fenced.endswith(" 1"):
                    if await connection.fetchval(queries.OWNED, commit.partition, commit.epoch):
                        raise Behind(commit.editions)
                    raise Fenced(commit.partition, commit.epoch)
                ids = await _write(connection, commit)
        if any(step.said or step.passes_on or step.forgotten for step in commit.steps):
            self._committed()
        return ids

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with database_errors(self._url):
                yield
        except DatabaseError as error:
            raise StoreUnavailable(str(error)) from error
        except REFUSED as error:
            raise Unstorable(f"{type(error).__name__}: {error}") from error
        except PASSING as error:
            raise StoreUnavailable(f"the database gave up on a statement: {error}") from error


async def _write(connection: Connection, commit: Commit) -> Mapping[str, int]:
    new = [step for step in commit.steps if step.before is None]
    known = [step for step in commit.steps if step.before is not None]
    ids = await _insert_leads(connection, commit.partition, new) if new else {}
    if known:
        await _update_leads(connection, known)
    await _set_wakeups(connection, commit, ids)
    rows = [_obligation(_lead_id(step, ids), row) for step in commit.steps for row in step.rows]
    if rows:
        await connection.execute(queries.FILE_OBLIGATIONS, _encode_rows(rows).decode())
    closings = [closing for step in commit.steps for closing in step.closings]
    if closings:
        columns = _columns((UUID(each.id), *_said(each.said)) for each in closings)
        await connection.execute(queries.CLOSE_OBLIGATIONS, *columns)
    said = [event for step in commit.steps for event in step.said]
    if said:
        await to_outbox(connection, partition=commit.partition, said=said)
    passes_on = [event for step in commit.steps for event in step.passes_on]
    if passes_on:
        await pass_on(connection, partition=commit.partition, events=passes_on)
    if commit.dead_letters:
        await connection.execute(queries.PUT_ASIDE, commit.partition, *_columns(map(_letter, commit.dead_letters)))
    await remove_persons(connection, commit.partition, commit.steps, ids)
    if commit.dead_letters:
        await remove_from_letters(connection, commit.partition, [letter.offset for letter in commit.dead_letters])
    return ids


async def _insert_leads(connection: Connection, partition: int, steps: Sequence[Step]) -> dict[str, int]:
    columns = _columns(
        (
            step.after.key,
            step.after.history.source,
            _text(step.name),
            None if step.crm_url is None else _text(step.crm_url),
            step.after.history.to_bytes(),
            step.after.announced.to_bytes(),
            filed_to_bytes(step.after.filed),
            step.provenance,
        )
        for step in steps
    )
    rows = await connection.fetch(queries.INSERT_LEADS, partition, *columns)
    return {row["key"]: row["id"] for row in rows}


async def _update_leads(connection: Connection, steps: Sequence[Step]) -> None:
    columns = _columns(
        (
            step.after.id,
            _text(step.name),
            None if step.crm_url is None else _text(step.crm_url),
            step.after.history.to_bytes() if step.history_changed else None,
            step.after.announced.to_bytes(),
            filed_to_bytes(step.after.filed),
            step.provenance,
        )
        for step in steps
    )
    await connection.execute(queries.UPDATE_LEADS, *columns)


async def _set_wakeups(connection: Connection, commit: Commit, ids: Mapping[str, int]) -> None:
    changed = [(_lead_id(step, ids), step.after.wake_us) for step in commit.steps if step.wake_changed]
    setting = [(lead, wake_us) for lead, wake_us in changed if wake_us is not None]
    dropping = [lead for lead, wake_us in changed if wake_us is None]
    if setting:
        await connection.execute(queries.SET_WAKEUPS, commit.partition, *_columns(setting))
    if dropping:
        await connection.execute(queries.DROP_WAKEUPS, dropping)


def _obligation(lead: int, filed: Filed) -> "_ObligationRow":
    row = filed.filing
    return _ObligationRow(
        row.id,
        lead,
        row.clock,
        _text(row.clock_name),
        row.cycle,
        row.round,
        _text(row.segment),
        _text(row.team),
        _text(row.owner),
        _text(row.owner_name),
        row.state,
        row.outcome,
        from_us(row.started_us),
        from_us(row.deadline_us),
        _instant(row.stopped_us),
        _instant(row.decided_us),
        row.target_us,
        row.business_us,
        row.wall_us,
        row.agreement_version,
        _text(row.reason),
        *_said(filed.said),
    )


class _ObligationRow(msgspec.Struct, gc=False):
    """A row as `FILE_OBLIGATIONS` takes it; each field is named as its column."""

    id: str
    lead: int
    clock: str
    clock_name: str
    cycle: int
    round: int
    segment: str
    team: str
    owner: str
    owner_name: str
    state: State
    outcome: Outcome | None
    started_at: datetime
    deadline: datetime
    stopped_at: datetime | None
    decided_at: datetime | None
    target_us: int
    business_us: int | None
    wall_us: int | None
    agreement_version: str
    reason: str
    said_event: str | None
    said_transition: str | None
    said_occurred_at: datetime | None
    said_at: datetime | None
    said_retracted: str | None


_encode_rows = msgspec.json.Encoder().encode


def _said(said: LastSaid | None) -> tuple[str | None, str | None, datetime | None, datetime | None, str | None]:
    if said is None:
        return None, None, None, None, None
    return said.event, said.transition, from_us(said.occurred_us), from_us(said.announced_us), said.retracted


def _letter(letter: DeadLetter) -> tuple[int, bytes, bytes, str, str]:
    return letter.offset, letter.key, letter.value, letter.reason, _text(letter.detail)


def _instant(instant_us: int | None) -> datetime | None:
    return None if instant_us is None else from_us(instant_us)


def _lead_id(step: Step, ids: Mapping[str, int]) -> int:
    return ids[step.after.key] if step.after.id is None else step.after.id


def _columns(rows: Iterable[Iterable[object]]) -> list[list[object]]:
    """Rows as columns, for unnest."""
    return [list(column) for column in zip(*rows, strict=True)]


def _text(text: str) -> str:
    """A text that PostgreSQL takes: it has no NUL."""
    return text.replace("\0", "") if "\0" in text else text


def _dossier(row: asyncpg.Record) -> Dossier:
    return Dossier(
        key=row["key"],
        id=row["id"],
        history=History.from_bytes(row["history"]),
        announced=Announced.from_bytes(row["announced"]),
        filed=filed_from_bytes(row["filed"]),
        wake_us=row["wake_us"],
    )
