"""What an explanation says: one lead, each promise on it with its working, and what happened. Made by `explanation`."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from shared.events.envelope import OwnerKind
from sla_engine.application.dossier import Provenance
from sla_engine.application.working import DeadlineStep, Stretch, Sum
from sla_engine.domain.agreement import Blame
from sla_engine.domain.obligation import State


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch in which time counted."""

    start: datetime
    end: datetime


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """Who held the clock, and what became of each part of the time. `to` None: still does.

    `intervals` are the open stretches among `stretches`; a long turn is listed in part (`more_intervals` and
    `more_stretches` say how many are not), but counted whole.
    """

    holder: str
    holder_id: str
    kind: OwnerKind | None
    team: str | None
    since: datetime
    to: datetime | None
    business_seconds: float
    wall_seconds: float
    calendar: str
    intervals: Sequence[Interval]
    more_intervals: int
    stretches: Sequence[Stretch]
    more_stretches: int
    paused_seconds: float | None
    closed_seconds: float | None
    charged: bool


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict rests on. `role` is what it did to the clock: started, stopped, reset, cancelled, paused, resumed,
    or ended (with the stay, the agreement's term, or an edition that no longer promises it).

    `event` None: no event did it, but time or an edition. `question` is the condition of the clock that it answered.
    """

    role: str
    event: str | None
    at: datetime
    what: str
    question: str = ""


class PauseExplained(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch in which nothing counted. `to` None: it still lasts. `kind`: `lead` (its own facts) or `exception`."""

    kind: str
    start: datetime
    to: datetime | None
    reason: str
    author: str
    agreement_line: int | None


class ExcuseExplained(msgspec.Struct, frozen=True, kw_only=True):
    """Why the miss is excused, by whose word, and where the agreement says so."""

    reason: str
    author: str
    agreement_line: int


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """Who is charged with the breach. `rule` is the agreement's, `because` says it in words."""

    holder: str
    holder_id: str
    team: str | None
    rule: str
    because: str


class WarningAt(msgspec.Struct, frozen=True, kw_only=True):
    """A warning of the agreement and when it falls due."""

    name: str
    at: datetime


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What was announced; `standing` False: it was taken back, for `reason`."""

    event: str
    transition: str
    at: datetime
    warning: str
    standing: bool
    reason: str


class ObligationExplained(msgspec.Struct, frozen=True, kw_only=True):
    """One promise, and why it stands as it does. `used_ratio` is business time used over the target.

    `agreement_version` names the edition of the agreement that judges it, and `agreement_line` is of that file.
    `round` of `rounds` (None: without bound) is which of its clock's runs in one stay it is. `restarted_at`: since then
    the target runs anew. `due_reason` says how the deadline came about, `deadline_steps` whose time led to it.
    """

    id: str
    clock: str
    clock_name: str
    cycle: int
    round: int
    rounds: int | None
    segment: str
    state: State
    started_at: datetime
    deadline: datetime
    stopped_at: datetime | None
    breached: bool
    target_seconds: float
    target_text: str
    business_seconds: float
    wall_seconds: float
    used_ratio: float
    reason: str
    arithmetic: str
    sum: Sum
    due_reason: str
    deadline_steps: Sequence[DeadlineStep]
    restarted_at: datetime | None
    pauses: Sequence[PauseExplained]
    excuse: ExcuseExplained | None
    charge: Charge | None
    blame: Blame
    agreement_line: int
    calendar: str
    holder: str
    team: str | None
    turns: Sequence[Turn]
    grounds: Sequence[Ground]
    warnings: Sequence[WarningAt]
    announcements: Sequence[Announcement]
    agreement_version: str


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the timeline. `provenance` None: not known. `from_lead`: a merged lead to which it happened."""

    id: str
    at: datetime
    kind: str
    what: str
    provenance: Provenance | None
    from_lead: str | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One lead, explained at `judged_at`. `timezone` is the zone in which its team reads times.

    `forgotten`: the person asked to be deleted; then there is nothing left to judge by, and no promise is explained.
    """

    key: str
    name: str
    source: str
    crm_url: str | None
    owner: str | None
    team: str | None
    timezone: str
    agreement: str
    agreement_version: str
    judged_at: datetime
    forgotten: bool
    obligations: Sequence[ObligationExplained]
    timeline: Sequence[Moment]
