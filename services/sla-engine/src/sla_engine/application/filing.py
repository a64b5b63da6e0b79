"""An obligation as it is filed in the database: what people ask for, and nothing that changes with the clock alone."""

import enum
import hashlib
from typing import get_args

import msgspec

from shared.events.sla import AnySlaEvent, ObligationRetracted, Party
from sla_engine.domain.instants import to_us
from sla_engine.domain.obligation import Obligation, State


class Outcome(enum.StrEnum):
    """How an obligation counts in a period. A promise kept late is broken: `breached`, with a `stopped_us`."""

    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"
    EXCUSED = "excused"


class LastSaid(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The latest announcement about an obligation."""

    event: str
    transition: str
    occurred_us: int
    announced_us: int
    retracted: str | None = None
    """The transition that it takes back."""


class Filing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row. `owner` holds the clock; of a broken promise, it is who is charged.

    `decided_us` is the instant at which the outcome was settled: kept, due, or cancelled.

    `business_us` and `wall_us` stand once the promise was kept or cancelled: before, they change with every second.
    """

    id: str
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
    started_us: int
    deadline_us: int
    stopped_us: int | None
    decided_us: int | None
    target_us: int
    business_us: int | None
    wall_us: int | None
    agreement_version: str
    reason: str


class Filed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row to write, and what was last said about it (None: nothing new was)."""

    filing: Filing
    said: LastSaid | None


def filing(obligation: Obligation, *, moved: frozenset[str] = frozenset()) -> Filing:
    """The row of an obligation. One that one of the events `moved` ended goes on, and counts, on another lead."""
    done = obligation.stopped_us is not None
    answers = who_answers(obligation)
    outcome = Outcome.CANCELLED if done and obligation.stop_event in moved else outcome_of(obligation)
    return Filing(
        id=obligation.id,
        clock=obligation.clock,
        clock_name=obligation.clock_name,
        cycle=obligation.cycle,
        round=obligation.round,
        segment=obligation.segment,
        team=team_of(obligation),
        owner=answers.id,
        owner_name=answers.name,
        state=obligation.state,
        outcome=outcome,
        started_us=obligation.started_us,
        deadline_us=obligation.deadline_us,
        stopped_us=obligation.stopped_us,
        decided_us=_decided_us(obligation, outcome),
        target_us=obligation.target_us,
        business_us=obligation.business_us if done else None,
        wall_us=obligation.wall_us if done else None,
        agreement_version=obligation.agreement_version,
        reason=obligation.reason,
    )


def who_answers(obligation: Obligation) -> Party:
    """Who holds the clock; of a broken promise, whoever is charged by the agreement's rule."""
    return obligation.holder if obligation.breach is None else obligation.breach.holder


def team_of(obligation: Obligation) -> str:
    """The team that a promise counts for (a broken one: of who is charged); empty where no team answers for it."""
    answers = obligation if obligation.breach is None else obligation.breach
    if answers.escalation is not None:
        return answers.escalation.team
    return answers.holder.team or ""


def outcome_of(obligation: Obligation) -> Outcome | None:
    """None: still open. A promise that was broken and then cancelled stays broken."""
    if obligation.breached or obligation.state in (State.BREACHED, State.MET_LATE):
        return Outcome.BREACHED
    if obligation.state is State.MET:
        return Outcome.MET
    if obligation.excuse is not None:
        return Outcome.EXCUSED
    return Outcome.CANCELLED if obligation.state is State.CANCELLED else None


def _decided_us(obligation: Obligation, outcome: Outcome | None) -> int | None:
    if outcome is None:
        return None
    at_deadline = outcome is Outcome.BREACHED or outcome is Outcome.EXCUSED
    return obligation.deadline_us if at_deadline else obligation.stopped_us


_encoder = msgspec.msgpack.Encoder()
_TRANSITIONS: dict[type, str] = {
    kind: str(kind.__struct_config__.tag).removeprefix("obligation.") for kind in get_args(AnySlaEvent)
}


def fingerprint(obligation: Obligation) -> int:
    """64 bits that change when the row does: over everything that `filing` reads, without making the row."""
    done = obligation.stopped_us is not None
    answers = who_answers(obligation)
    read = (
        obligation.clock_name,
        obligation.cycle,
        obligation.round,
        obligation.segment,
        team_of(obligation),
        answers.id,
        answers.name,
        obligation.state,
        obligation.breach is not None,
        obligation.excuse is not None,
        obligation.started_us,
        obligation.deadline_us,
        obligation.stopped_us,
        obligation.target_us,
        obligation.business_us if done else None,
        obligation.wall_us if done else None,
        obligation.agreement_version,
        obligation.reason,
    )
    return int.from_bytes(hashlib.blake2b(_encoder.encode(read), digest_size=8).digest(), "big")


def last_said(event: AnySlaEvent) -> LastSaid:
    """What an announcement leaves on the row."""
    return LastSaid(
        event=event.id,
        transition=_TRANSITIONS[type(event)],
        occurred_us=to_us(event.occurred_at),
        announced_us=to_us(event.announced_at),
        retracted=event.retracted_type.removeprefix("obligation.") if type(event) is ObligationRetracted else None,
    )
