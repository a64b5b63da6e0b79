"""The `Reader` port on PostgreSQL."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.database import DatabaseError, database_errors
from sla_engine.adapters import read_queries as queries
from sla_engine.adapters.list_query import list_query
from sla_engine.adapters.outgoing import OUTBOX
from sla_engine.application.dossier import provenance_of
from sla_engine.application.ports import StoreUnavailable
from sla_engine.application.reading import (
    Ended,
    FiledObligation,
    LeadRecord,
    LeadSummary,
    NextDeadline,
    ObligationFilter,
    Place,
    Situation,
    Standing,
    Tally,
    Unaskable,
    Window,
)
from sla_engine.domain.announced import Announced
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us


class PostgresReader:
    """Reads on a pool of its own, so that people's questions never wait behind the work, nor it behind them."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", *, database_url: str) -> None:
        self._pool = pool
        self._url = database_url

    async def leads(self, search: str | None, *, after: int | None, limit: int) -> Sequence[LeadSummary]:
        """As the port says."""
        pattern = None if search is None else f"%{_escaped(search.lower())}%"
        rows = await self._fetch(queries.LEADS, search, pattern, after, limit)
        return [LeadSummary(**dict(row)) for row in rows]

    async def lead(self, key: str) -> LeadRecord | None:
        """As the port says."""
        if "\0" in key:
            return None
        rows = await self._fetch(queries.LEAD, key)
        if not rows:
            return None
        row = rows[0]
        history = History.from_bytes(row["history"])
        return LeadRecord(
            key=row["key"],
            name=row["name"],
            crm_url=row["crm_url"],
            history=history,
            announced=Announced.from_bytes(row["announced"]),
            provenance=provenance_of(row["provenance"], (fact.id for fact in history.facts)),
        )

    async def obligations(
        self, wanted: ObligationFilter, *, after: Place | None, limit: int
    ) -> Sequence[FiledObligation]:
        """As the port says."""
        query = list_query(wanted, after=after, limit=limit)
        rows = await self._fetch(query.text, *query.arguments)
        return [_obligation(row) for row in rows]

    async def obligation(self, obligation: str) -> FiledObligation | None:
        """As the port says."""
        try:
            key = UUID(obligation)
        except ValueError:
            return None
        rows = await self._fetch(queries.OBLIGATION, key)
        return _obligation(rows[0]) if rows else None

    async def compliance(
        self, start: datetime, end: datetime, *, clock: str | None, team: str | None
    ) -> Sequence[Tally]:
        """As the port says."""
        rows = await self._fetch(queries.COMPLIANCE, start, end, clock, team)
        return [Tally(**dict(row)) for row in rows]

    async def situation(self, windows: Mapping[Window, datetime], now: datetime) -> Situation:
        """As the port says."""
        with self._translated():
            async with self._pool.acquire() as connection:
                ended = await connection.fetch(
                    queries.ENDED,
                    [window.value for window in windows],
                    list(windows.values()),
                    now,
                    min(windows.values(), default=now),
                )
                standing = await connection.fetch(queries.STANDING)
                positions = await connection.fetch(queries.POSITIONS)
                pending = await OUTBOX.pending(connection)
        return Situation(
            ended=[Ended(**dict(row)) for row in ended],
            open=[
                Standing(clock=row["clock"], team=row["team"], state=row["state"], count=row["count"])
                for row in standing
            ],
            next_deadlines=_next_deadlines(standing),
            outbox_pending=pending,
            positions={row["partition"]: row["position"] for row in positions},
        )

    async def ready(self) -> None:
        """As the port says."""
        await self._fetch("SELECT 1")

    async def _fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:  # noqa: ANN401 - the driver's own
        with self._translated():
            return await self._pool.fetch(query, *arguments)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with database_errors(self._url):
                yield
        except DatabaseError as error:
            raise StoreUnavailable(str(error)) from error
        except (asyncpg.DataError, OverflowError) as error:
            raise Unaskable("a value is beyond what the database holds: look for NUL, and for far-off dates") from error


def _obligation(row: asyncpg.Record) -> FiledObligation:
    return FiledObligation(**{**dict(row), "id": row["id"].hex})


def _next_deadlines(standing: Sequence[asyncpg.Record]) -> list[NextDeadline]:
    nearest: dict[tuple[str, str], int] = {}
    for row in standing:
        if row["next_deadline"] is not None:
            where, at_us = (row["clock"], row["team"]), to_us(row["next_deadline"])
            nearest[where] = min(at_us, nearest.get(where, at_us))
    return [NextDeadline(clock=clock, team=team, at_us=at_us) for (clock, team), at_us in nearest.items()]


def _escaped(text: str) -> str:
    """A text as itself in a LIKE pattern."""
    return text.replace("\0", "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
