"""What people ask the engine for: leads, promises, and figures over a period. Answered from the database alone, so any
replica answers for any lead.
"""

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from sla_engine.application.dossier import Provenance
from sla_engine.domain.announced import Announced
from sla_engine.domain.history import History


class Unaskable(ValueError):  # noqa: N818 - it says what the question is
    """No database can look for this value: a NUL in a text, an instant or a number beyond all that is stored."""


class LeadSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A lead in a list. `next_deadline` is of the promises that are neither broken nor done."""

    id: int
    key: str
    name: str
    source: str
    crm_url: str | None
    open: int
    breached: int
    next_deadline: datetime | None


class LeadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that is stored of one lead."""

    key: str
    name: str
    crm_url: str | None
    history: History
    announced: Announced
    provenance: Mapping[str, Provenance]


class FiledObligation(msgspec.Struct, frozen=True, kw_only=True):
    """A promise as filed. `state` may be `withdrawn`: the facts no longer bear it out.

    `owner` holds the clock; of a broken promise, it is who is charged.
    `said_…` is the latest announcement about it; `said_retracted` the transition that it took back.
    """

    id: str
    lead: str
    lead_name: str
    crm_url: str | None
    clock: str
    clock_name: str
    cycle: int
    round: int
    segment: str
    team: str
    owner: str
    owner_name: str
    state: str
    outcome: str | None
    started_at: datetime
    deadline: datetime
    stopped_at: datetime | None
    target_seconds: float
    business_seconds: float | None
    wall_seconds: float | None
    agreement_version: str
    reason: str
    said_event: str | None
    said_transition: str | None
    said_occurred_at: datetime | None
    said_at: datetime | None
    said_retracted: str | None


class Place(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where a page of obligations ended, in the order deadline, id."""

    deadline: datetime
    id: str


class ObligationFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which promises are asked for; None: whatever. `deadline_from` is inclusive, `deadline_to` exclusive."""

    states: Sequence[str] | None = None
    clock: str | None = None
    team: str | None = None
    owner: str | None = None
    lead: str | None = None
    deadline_from: datetime | None = None
    deadline_to: datetime | None = None
    newest_first: bool = False


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How one clock of one team did in a period. `breached` counts every broken promise, `met_late` those of them that

    were done after all. Medians are of the business seconds of promises kept or done late; None where there were none.
    """

    clock: str
    team: str
    opened: int
    met: int
    met_late: int
    breached: int
    excused: int
    cancelled: int
    median_business_seconds: float | None
    p90_business_seconds: float | None


class Window(enum.StrEnum):
    """The windows of the gauges. `period` is the calendar month, in the agreement's zone."""

    DAY = "1d"
    WEEK = "7d"
    FOUR_WEEKS = "28d"
    PERIOD = "period"


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How many promises ended so in a window."""

    clock: str
    team: str
    window: str
    outcome: str
    count: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How many promises are open in a state."""

    clock: str
    team: str
    state: str
    count: int


class NextDeadline(msgspec.Struct, frozen=True, kw_only=True):
    """The nearest deadline that has not passed yet."""

    clock: str
    team: str
    at_us: int


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What the gauges show."""

    ended: Sequence[Ended]
    open: Sequence[Standing]
    next_deadlines: Sequence[NextDeadline]
    outbox_pending: int
    positions: Mapping[int, int]
    lag: Mapping[int, int] = {}


class Reader(Protocol):
    """Questions to the database. Every call may raise `ports.StoreUnavailable`, and `Unaskable` for odd values."""

    async def leads(self, search: str | None, *, after: int | None, limit: int) -> Sequence[LeadSummary]:
        """Leads whose key is `search` or whose name contains it, newest first, behind the id `after`."""
        ...

    async def lead(self, key: str) -> LeadRecord | None:
        """One lead."""
        ...

    async def obligations(
        self, wanted: ObligationFilter, *, after: Place | None, limit: int
    ) -> Sequence[FiledObligation]:
        """Promises in the order deadline, id."""
        ...

    async def obligation(self, obligation: str) -> FiledObligation | None:
        """One promise."""
        ...

    async def compliance(
        self, start: datetime, end: datetime, *, clock: str | None, team: str | None
    ) -> Sequence[Tally]:
        """Per clock and team: opened, and decided, from `start` up to `end`."""
        ...

    async def situation(self, windows: Mapping[Window, datetime], now: datetime) -> Situation:
        """The figures of the gauges; each window begins at its instant."""
        ...

    async def ready(self) -> None:
        """Raise unless the database answers."""
        ...
