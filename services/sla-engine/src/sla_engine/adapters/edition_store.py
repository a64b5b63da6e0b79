"""The `Archive` of editions on PostgreSQL, and the ear of a running engine for new ones."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

import asyncpg

from shared.database import DatabaseError, database_errors
from shared.database.address import driver_url
from shared.logs import get_logger
from shared.supervision import wait_or_stop
from sla_engine.adapters import edition_queries as queries
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.adapters.store import PASSING, Pool
from sla_engine.application.in_force import Applied, Draft, InForce, Overtaken
from sla_engine.application.ports import StoreUnavailable
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.editions import Edition, Editions, OpenChoice
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us, to_us

logger = get_logger(__name__)

POLL_SECONDS = 5.0
"""A running engine looks for new editions this often, should it not hear of them."""
CONNECT_SECONDS = 10.0
BATCH_LEADS = 1000
"""Histories read at once for a plan."""


class PostgresArchive:
    """Editions are rows that never change, so each is read once."""

    def __init__(self, pool: Pool, *, database_url: str) -> None:
        self._pool = pool
        self._url = database_url
        self._known: list[Edition] = []

    async def editions(self) -> Editions | None:
        """As the port says. Raises `AgreementError` where this version can't read what an earlier one stored."""
        with self._translated():
            rows = await self._pool.fetch(queries.NEWER, len(self._known))
        for row in rows:
            if row["edition"] == len(self._known) + 1:  # else another call was faster
                self._known.append(await asyncio.to_thread(_edition, row))
        return Editions(all=tuple(self._known)) if self._known else None

    async def listed(self) -> Sequence[Applied]:
        """As the port says."""
        with self._translated():
            rows = await self._pool.fetch(queries.LISTED)
        return [
            Applied(
                number=row["edition"],
                version=row["version"],
                open=OpenChoice(row["open"]),
                applied_at=row["applied_at"],
                applied_by=row["applied_by"],
            )
            for row in rows
        ]

    async def progress(self) -> Mapping[str | None, int]:
        """As the port says."""
        with self._translated():
            rows = await self._pool.fetch(queries.PROGRESS)
        return {row["mark"]: row["partitions"] for row in rows}

    async def concerned(self, windows: Iterable[tuple[int, int]]) -> AsyncIterator[Sequence[History]]:
        """As the port says."""
        ends = [(from_us(since_us), from_us(until_us)) for since_us, until_us in windows]
        since, until = [end[0] for end in ends], [end[1] for end in ends]
        after = 0
        while True:
            with self._translated():
                rows = await self._pool.fetch(queries.LEADS_CONCERNED, after, BATCH_LEADS, since, until)
            if not rows:
                return
            yield [History.from_bytes(row["history"]) for row in rows]
            after = rows[-1]["id"]

    async def apply(self, draft: Draft, *, open_: OpenChoice, by: str, after: int) -> Applied:
        """As the port says."""
        version, number = draft.agreement.version, after + 1
        with self._translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(queries.ALONE)
                newest = await connection.fetchrow(queries.NEWEST)
                if (0 if newest is None else newest["edition"]) != after:
                    raise Overtaken("none" if newest is None else newest["version"])
                await connection.execute(queries.REQUIRE, number)
                applied_at = await connection.fetchval(queries.APPLY, number, version, draft.content, open_.value, by)
                await connection.execute(queries.TELL, str(number))
        return Applied(number=number, version=version, open=open_, applied_at=applied_at, applied_by=by)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with database_errors(self._url):
                yield
        except (DatabaseError, *PASSING) as error:
            raise StoreUnavailable(str(error)) from error


def _edition(row: asyncpg.Record) -> Edition:
    return Edition(
        number=row["edition"],
        agreement=_agreement(row),
        applied_us=to_us(row["applied_at"]),
        open=OpenChoice(row["open"]),
    )


def _agreement(row: asyncpg.Record) -> Agreement:
    """As it was checked on the day on which it was applied: a term that is over by now is no fault."""
    day: dt.date = row["applied_at"].date()
    return parse_agreement(row["content"], file=f"edition {row['edition']} ({row['version']})", today=day)


class EditionWatch:
    """Renews what a process knows: at once when the database tells, and every few seconds all the same."""

    def __init__(self, in_force: InForce, *, database_url: str) -> None:
        self._in_force = in_force
        self._url = database_url
        self._told = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped. While the database is away it waits, as the work does."""
        while not stop.is_set():
            try:
                with database_errors(self._url):
                    await self._listen(stop)
            except (DatabaseError, StoreUnavailable) as error:
                logger.warning("editions_awaited", reason=str(error))
                await wait_or_stop(stop, POLL_SECONDS)

    async def _listen(self, stop: asyncio.Event) -> None:
        connection = await asyncpg.connect(
            driver_url(self._url),
            timeout=CONNECT_SECONDS,
            server_settings={"application_name": "leadpact-sla-engine-editions"},
        )
        try:
            await connection.add_listener(queries.CHANNEL, lambda *_: self._told.set())
            connection.add_termination_listener(lambda _: self._told.set())
            while not stop.is_set() and not connection.is_closed():
                await self._in_force.renew()
                await self._wait(stop)
        finally:
            connection.terminate()

    async def _wait(self, stop: asyncio.Event) -> None:
        """Until it is told, is stopped, or has waited long enough."""
        waiting = [asyncio.ensure_future(self._told.wait()), asyncio.ensure_future(stop.wait())]
        try:
            await asyncio.wait(waiting, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        self._told.clear()
