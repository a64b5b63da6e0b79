"""The query for a list of promises: only the filters that were asked for, so that the planner sees which index fits."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sla_engine.adapters.read_queries import OBLIGATIONS
from sla_engine.application.reading import ObligationFilter, Place
from sla_engine.domain.obligation import State

OPEN_STATES = frozenset({State.ON_TRACK, State.AT_RISK, State.PAUSED})
BROKEN_STATES = frozenset({State.BREACHED, State.MET_LATE})


class Query(NamedTuple):
    """A statement and its arguments. The text is put together from the constants below and holds no value."""

    text: str
    arguments: Sequence[object]


def list_query(wanted: ObligationFilter, *, after: Place | None, limit: int) -> Query:
    """Promises in the order deadline, id (or the reverse), behind `after`."""
    conditions: list[str] = []
    arguments: list[object] = []

    def where(condition: str, *values: object) -> None:
        places = [f"${len(arguments) + number}" for number in range(1, len(values) + 1)]
        arguments.extend(values)
        conditions.append(condition.format(*places))

    if wanted.states is not None:
        where("o.state = ANY({}::text[])", list(wanted.states))
        # What follows from the states is said as well: partial indexes are found by it.
        if OPEN_STATES.issuperset(wanted.states):
            where("o.stopped_at IS NULL")
        if BROKEN_STATES.issuperset(wanted.states):
            where("o.outcome = 'breached'")
    for column, value in (
        ("o.clock", wanted.clock),
        ("o.team", wanted.team),
        ("o.owner", wanted.owner),
        ("l.key", wanted.lead),
    ):
        if value is not None:
            where(column + " = {}", value)
    if wanted.deadline_from is not None:
        where("o.deadline >= {}", wanted.deadline_from)
    if wanted.deadline_to is not None:
        where("o.deadline < {}", wanted.deadline_to)
    if after is not None:
        sign = "<" if wanted.newest_first else ">"
        where("(o.deadline, o.id) " + sign + " ({}, {})", after.deadline, UUID(after.id))
    direction = " DESC" if wanted.newest_first else ""
    condition = "WHERE " + " AND ".join(conditions) if conditions else ""
    order = f"ORDER BY o.deadline{direction}, o.id{direction} LIMIT ${len(arguments) + 1}"
    return Query(f"{OBLIGATIONS.rstrip()}\n{condition}\n{order}", [*arguments, limit])
