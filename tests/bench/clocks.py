"""Open clocks by the million: a few hundred leads are judged and stored by the engine, and their rows multiplied.

Every lead has one open promise, a handoff, and so one wake-up. A copy has a key, a name and obligation ids of its own;
what it shares with its pattern are the instants and the ids of its two events.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.events.envelope import TimeSource
from shared.events.identity import identifier
from shared.events.lead import LeadCreated, LeadEvent, LeadStageChanged
from shared.streams.partitioning import partition_for
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.application.in_force import Draft, InForce, settle_at_start
from sla_engine.domain.editions import OpenChoice
from tests.support.engine_stack import PACT, Bench, open_bench

PATTERNS = 600
CHUNK = 20_000
HOURS = 1
"""The target of the promises, unless another is asked for."""
SETTLE = timedelta(seconds=1)
FIRST_PATTERN = 900_000_000
APART = 99
"""A partition of their own, that no topic has."""
TABLES = ("leads", "obligations", "wakeups")
PATTERNS_OF = f"SELECT id FROM sla_engine.leads WHERE partition = {APART}"
FORGET_PATTERNS = (
    f"DELETE FROM sla_engine.obligations WHERE lead IN ({PATTERNS_OF})",
    f"DELETE FROM sla_engine.wakeups WHERE lead IN ({PATTERNS_OF})",
    f"DELETE FROM sla_engine.leads WHERE partition = {APART}",
    f"DELETE FROM sla_engine.outbox WHERE partition = {APART}",
)


def pact_text(hours: int = HOURS) -> str:
    """The agreement of these benchmarks, as a file has it."""
    return PACT.format(target=f"{hours}h", settle="1s")


def key_of(number: int) -> str:
    """All keys are of one length, so that one can stand for another in stored bytes."""
    return f"hubspot:4711:{number:09}"


def open_story(number: int, due: datetime, hours: int = HOURS) -> list[LeadEvent]:
    """A lead that is handed over in time to be due then, and that nobody takes."""
    key, started = key_of(number), due - timedelta(hours=hours)

    def common(step: int) -> dict[str, Any]:
        return {
            "id": identifier(key, str(step)),
            "source": "hubspot",
            "account": "4711",
            "lead": key,
            "occurred_at": started,
            "received_at": started + timedelta(seconds=1),
            "time_source": TimeSource.EVENT,
            "raw_id": identifier("raw", key, str(step)),
        }

    attributes: dict[str, Any] = {"name": f"Lead {number:09}", "company": "Example Ltd", "size": 250, "country": "DE"}
    return [
        LeadCreated(**common(0), attributes=attributes),
        LeadStageChanged(**common(1), stage="mql", raw_stage="marketingqualifiedlead"),
    ]


@dataclass(frozen=True, kw_only=True)
class Span:
    """So many clocks, due evenly between two instants."""

    clocks: int
    first: datetime
    last: datetime


async def load_open_clocks(database_url: str, spans: Sequence[Span], *, partitions: int, hours: int = HOURS) -> None:
    """Add them to a database, whose schema this makes; no engine may run. Nothing is left to announce, and every
    partition is judged under the edition that a service with `pact_text(hours)` as its agreement finds in force."""
    now = datetime.now(UTC)
    content = pact_text(hours)
    agreement = parse_agreement(content)
    async with open_bench(database_url, agreement, now=now) as bench:
        draft = Draft(content=content, agreement=agreement)
        standing = await settle_at_start(bench.archive, draft, open_=OpenChoice.RECOMPUTE, by="bench")
        pattern_keys = await _store_patterns(bench, spans, InForce(standing.editions), hours)
        async with bench.pool.acquire() as connection:
            patterns = [await _pattern(connection, key) for key in pattern_keys]
            for statement in FORGET_PATTERNS:
                await connection.execute(statement)
            mark = await connection.fetchval(
                "DELETE FROM sla_engine.partitions WHERE partition = $1 RETURNING agreement", APART
            )
            counts = [span.clocks for span in spans]
            numbers = itertools.count(
                await connection.fetchval("SELECT coalesce(max(id), 0) FROM sla_engine.leads") + 1
            )
            for place, count in enumerate(counts):
                mine = patterns[place * PATTERNS : (place + 1) * PATTERNS]
                for at in range(0, count, CHUNK):
                    await _copy(connection, mine, list(itertools.islice(numbers, min(CHUNK, count - at))), partitions)
            for number in range(partitions):
                await connection.execute(
                    "INSERT INTO sla_engine.partitions (partition, epoch, owner, through_us, agreement) "
                    "VALUES ($1, 0, 'bench', 0, $2) ON CONFLICT (partition) DO NOTHING",
                    number,
                    mark,
                )
            await connection.execute(
                "SELECT setval(pg_get_serial_sequence('sla_engine.leads', 'id'), $1)", next(numbers)
            )
        await bench.pool.execute("VACUUM ANALYZE", timeout=600)
        await bench.pool.execute("CHECKPOINT", timeout=600)


async def _store_patterns(bench: Bench, spans: Sequence[Span], in_force: InForce, hours: int) -> list[str]:
    owned = await bench.own(APART, in_force=in_force)
    keys = []
    for place, span in enumerate(spans):
        step = (span.last - span.first) / PATTERNS
        for at in range(PATTERNS):
            number = FIRST_PATTERN + place * PATTERNS + at
            bench.append(*open_story(number, span.first + step * at, hours), partition=APART)
            keys.append(key_of(number))
    await bench.read(owned)
    while await owned.rejudge():
        pass
    return keys


Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A stored lead with its rows."""

    number: int
    key: str
    rows: Mapping[str, Sequence[Row]]


async def _pattern(connection: Any, key: str) -> Pattern:  # noqa: ANN401 - a connection lent by a pool
    lead = await connection.fetchrow("SELECT * FROM sla_engine.leads WHERE key = $1", key)
    rows = {"leads": [lead]}
    for table in ("obligations", "wakeups"):
        rows[table] = await connection.fetch(f"SELECT * FROM sla_engine.{table} WHERE lead = $1", lead["id"])
    assert len(rows["wakeups"]) == 1, "an open clock has a wake-up"
    for row in rows["obligations"]:
        assert row["id"] == UUID(identifier(key, row["clock"], str(row["cycle"]))), "ids are as the domain makes them"
    return Pattern(number=int(key[-9:]), key=key, rows=rows)


async def _copy(
    connection: Any,  # noqa: ANN401 - same
    patterns: Sequence[Pattern],
    numbers: Sequence[int],
    partitions: int,
) -> None:
    made: dict[str, list[tuple[Any, ...]]] = {table: [] for table in TABLES}
    for number in numbers:
        for table, values in _copies(patterns[number % len(patterns)], number, partitions):
            made[table].append(values)
    for table, rows in made.items():
        columns = list(patterns[0].rows[table][0].keys())
        await connection.copy_records_to_table(table, schema_name="sla_engine", records=rows, columns=columns)


def _copies(pattern: Pattern, number: int, partitions: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    key = key_of(number)
    copier = _Copier(pattern, key, partition_for(key.encode(), partitions))
    for table, rows in pattern.rows.items():
        for row in rows:
            values = [copier.copied(name, value) for name, value in row.items()]
            if table == "leads":
                values[list(row.keys()).index("id")] = number
            yield table, tuple(values)


class _Copier:
    """Makes the values of one copy."""

    def __init__(self, pattern: Pattern, key: str, partition: int) -> None:
        self._exact = {"lead": int(key[-9:]), "partition": partition}
        self._ids = {
            row["id"].hex: identifier(key, row["clock"], str(row["cycle"])) for row in pattern.rows["obligations"]
        }
        # the number alone stands in names; it is the end of the key
        self._texts = [(pattern.key[-9:], key[-9:]), *self._ids.items()]
        self._bytes = [(old.encode(), new.encode()) for old, new in self._texts]

    def copied(self, name: str, value: Any) -> Any:  # noqa: ANN401 - a column's value
        if name in self._exact:
            return self._exact[name]
        if isinstance(value, bytes):
            for old_bytes, new_bytes in self._bytes:
                value = value.replace(old_bytes, new_bytes)
        elif isinstance(value, str):
            for old, new in self._texts:
                value = value.replace(old, new)
        elif isinstance(value, UUID):
            return UUID(self._ids[value.hex])
        return value
