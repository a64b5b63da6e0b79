"""What a commit removes about leads whose person asked to be deleted, in its own transaction; what is left to erase.

Every table of the engine that may name a person is dealt with here. A test walks all of them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from shared.database import DatabaseError, database_errors
from shared.events import lead, sla, topics
from shared.events.cloudevents import forgotten_headers
from shared.events.forgetting import without_person
from shared.events.lead import LeadJoined
from shared.outbox.store import Connection
from shared.streams.port import Record
from sla_engine.adapters import queries
from sla_engine.adapters.outgoing import OUTBOX
from sla_engine.application.advance import Step
from sla_engine.application.erasing import Oblivion
from sla_engine.application.ports import StoreUnavailable

if TYPE_CHECKING:
    import asyncpg

    Pool = asyncpg.Pool[asyncpg.Record]


async def remove_persons(connection: Connection, partition: int, steps: Sequence[Step], ids: Mapping[str, int]) -> None:
    """After all of the commit is written. `ids` are those of leads stored for the first time."""
    gone = [step for step in steps if step.forgotten is not None]
    if not gone:
        return
    numbers = [_number(step, ids) for step in gone]
    await connection.execute(queries.FORGET_LEADS, numbers)
    said: list[sla.LeadForgotten] = []
    for step, number in zip(gone, numbers, strict=True):
        assert step.forgotten is not None
        if await _remove(connection, partition, step, number):
            said.append(step.forgotten)
    records = [
        Record(key=event.lead.encode(), value=sla.encode(event), headers=forgotten_headers(event)) for event in said
    ]
    await OUTBOX.add(connection, partition=partition, topic=topics.SLA_EVENTS, records=records)


async def remove_from_letters(connection: Connection, partition: int, offsets: Sequence[int]) -> None:
    """Of records just put aside: those of leads that are forgotten are not kept whole."""
    await connection.execute(queries.FORGET_NEW_LETTERS, partition, list(offsets))


async def _remove(connection: Connection, partition: int, step: Step, number: int) -> bool:
    """Whether it was the first time."""
    assert step.forgotten is not None
    key, quoted = step.after.key.encode(), msgspec.json.encode(step.after.key)
    await connection.execute(queries.FORGET_REASONS, number)
    letters = await connection.execute(queries.FORGET_LETTERS, partition, key, quoted)
    waiting = await _remove_waiting(connection, partition, key, quoted)
    return bool(
        await connection.fetchval(
            queries.NOTE_FORGOTTEN,
            step.after.key,
            step.forgotten.occurred_at,
            step.forgotten.announced_at,
            len(step.after.history.facts),
            number,
            _count(letters),
            waiting,
        )
    )


async def _remove_waiting(connection: Connection, partition: int, key: bytes, quoted: bytes) -> int:
    """Announcements go out bare. What would have told other leads of this one does not: they are forgotten too."""
    rows = await connection.fetch(queries.WAITING_ABOUT, partition, key, quoted)
    dropped = []
    for row in rows:
        if row["topic"] == topics.LEAD_EVENTS:
            if isinstance(lead.decode(row["value"]), LeadJoined):
                dropped.append(row["id"])
            continue
        event = sla.decode_any(row["value"])
        if not isinstance(event, sla.LeadForgotten):
            await connection.execute(queries.REWRITE_WAITING, partition, row["id"], sla.encode(without_person(event)))
    await connection.execute(queries.DROP_WAITING, partition, dropped)
    return len(rows)


class PostgresOblivion:
    """The port `Oblivion`."""

    def __init__(self, pool: "Pool", *, database_url: str) -> None:
        self._pool = pool
        self._url = database_url

    async def found(self, lead_key: str) -> "Forgotten | None":
        """What was done when a lead was forgotten; None: it was not."""
        row = await self._asked(queries.FORGOTTEN, lead_key)
        return msgspec.convert(dict(row[0]), Forgotten) if row else None

    async def known(self, lead_key: str) -> str | None:
        """The source of a lead; None: no event of it has been seen."""
        rows = await self._asked(queries.LEAD_SOURCE, lead_key)
        return rows[0]["source"] if rows else None

    async def to_erase(self, *, limit: int) -> Sequence[tuple[str, int]]:
        """As the port says."""
        return [(row["key"], row["position"]) for row in await self._asked(queries.TO_ERASE, limit)]

    async def erased(self, lead_key: str, *, now: datetime) -> None:
        """As the port says."""
        await self._asked(queries.ERASED, lead_key, now)

    async def _asked(self, query: str, *arguments: object) -> "Sequence[asyncpg.Record]":
        try:
            with database_errors(self._url):
                return await self._pool.fetch(query, *arguments)
        except DatabaseError as error:
            raise StoreUnavailable(str(error)) from error


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What was done when a lead was forgotten: how many events, promises, dead letters and waiting messages it had.

    `erased_at`: since when the stream holds nothing of it that was taken in; None: not yet.
    """

    key: str
    asked_at: datetime
    forgotten_at: datetime
    events: int
    promises: int
    dead_letters: int
    waiting: int
    erased_at: datetime | None


def _number(step: Step, ids: Mapping[str, int]) -> int:
    return ids[step.after.key] if step.after.id is None else step.after.id


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])


_: type[Oblivion] = PostgresOblivion
