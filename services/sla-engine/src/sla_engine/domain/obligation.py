"""What `judge` says about one lead: a verdict, made of obligations.

Instants are integers (microseconds since the epoch) with datetime properties beside them; durations are microseconds.

**Identity.** An obligation is one run of one clock on one lead: `identifier(lead, clock, cycle)`, where `cycle` counts
the lead's stays in the qualified stages (or the runs of a clock that is bound to no stay), the first being 1, in order
of event time; a later round of one stay is `cycle.round` there. So a start that proves to be
earlier keeps the obligation and moves it; a whole earlier stay that arrives late renumbers those after it. Either way
the ids are a function of the facts alone, and `announce` takes back whatever was said under an id and is no longer so.
"""

import enum
from datetime import datetime

import msgspec

from shared.events.sla import Escalation, Party
from sla_engine.domain.agreement import Blame, Words
from sla_engine.domain.instants import from_us


class State(enum.StrEnum):
    """How an obligation stands at an instant."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    """The deadline has passed and it is still not done."""
    MET = "met"
    MET_LATE = "met_late"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    """Nothing counts now; the deadline is told as if it had resumed when the pause began."""
    EXCUSED = "excused"
    """The deadline passed unmet in the window of an exception: nobody is charged, nothing is expected any more."""

    @property
    def closed(self) -> bool:
        """Whether nothing is expected any more."""
        return self in (State.MET, State.MET_LATE, State.CANCELLED, State.EXCUSED)


class Ending(enum.StrEnum):
    """What ended a run."""

    STOPPED = "stopped"
    """It was done: `stop` held."""
    RESET = "reset"
    """It was done, and the next round may have begun."""
    CANCELLED = "cancelled"
    """`cancel` held."""
    STAY_ENDED = "stay_ended"
    """The lead left the qualified stages, or is lost."""
    TERM_ENDED = "term_ended"
    """The agreement's term was over."""
    NOT_PROMISED = "not_promised"
    """A new edition of the agreement no longer promises it."""


class Holding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody's turn at holding the clock. `to_us` None: still holding; times are then counted to `now`.

    In `gaps`, in order and apart, no time counted whatever the calendar; they may run on beyond the end of the turn.
    """

    holder: Party
    since_us: int
    to_us: int | None
    business_us: int
    wall_us: int
    calendar: str
    gaps: tuple[tuple[int, int], ...] = ()


class WarningDue(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A warning of the agreement (such as `75%`), when it falls due, and the business time used by then."""

    name: str
    at_us: int
    business_us: int


class Paused(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stretch in which the clock did not count. `to_us` None: it still lasts. `reason`: an exception's; empty where
    the lead itself paused the clock, and then the events say what did, and what let it go on (None: the run's end)."""

    from_us: int
    to_us: int | None
    reason: str = ""
    author: str = ""
    from_event: str | None = None
    to_event: str | None = None
    line: int = 0


class Excuse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a miss is excused, by whose word, and where the agreement says so."""

    at_us: int
    reason: str
    author: str
    line: int


class Breach(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The deadline passed unmet: how things stood at the deadline, whatever came later.

    `holder` is who is charged, by the rule that the agreement names; `holders` is who had held it until then.
    """

    at_us: int
    business_us: int
    holder: Party
    holders: tuple[Holding, ...]
    escalation: Escalation | None


class Obligation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One promise on one lead, judged at an instant.

    `stopped_us` is when it was done or cancelled. `breach` stands once the deadline has passed unmet, whatever
    happened later. `target_text` is the target as the agreement writes it. `warnings` holds every warning instant that
    truly came, or will come, before the promise was kept. `business_us` and `wall_us` are used up to `stopped_us`, or
    to `now`. `start_events` and `stop_event` are the ids of the lead events that the verdict rests on.
    `agreement_version` is the version by which it is judged, and `agreement_line` the line of the target in its file.
    `ending` is how the run ended; `target_since_us` since when the target runs: the start, or the last restart.
    `excuse` stands in place of a breach where an exception excuses it. `calendar` names the calendar that counts now;
    each holding names its own.
    """

    id: str
    clock: str
    clock_name: str
    words: Words
    cycle: int
    round: int
    segment: str
    state: State
    started_us: int
    deadline_us: int
    target_us: int
    target_text: str
    stopped_us: int | None
    breach: Breach | None
    excuse: Excuse | None
    pauses: tuple[Paused, ...]
    blame: Blame
    business_us: int
    wall_us: int
    calendar: str
    warnings: tuple[WarningDue, ...]
    settle_us: int
    holder: Party
    holders: tuple[Holding, ...]
    escalation: Escalation | None
    reason: str
    start_events: tuple[str, ...]
    stop_event: str | None
    ending: Ending | None = None
    target_since_us: int
    agreement_line: int
    agreement_version: str

    @property
    def started_at(self) -> datetime:
        """When the clock started."""
        return from_us(self.started_us)

    @property
    def deadline(self) -> datetime:
        """The last instant at which it is kept in time."""
        return from_us(self.deadline_us)

    @property
    def breached(self) -> bool:
        """Whether the deadline passed unmet, whatever happened later."""
        return self.breach is not None

    @property
    def stopped_at(self) -> datetime | None:
        """When it was done or cancelled."""
        return None if self.stopped_us is None else from_us(self.stopped_us)


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything `judge` has to say about one lead at `now_us`. Obligations stand in the order in which they started.

    `clocks` are the clocks that the agreement promises at all. `next_fact_us` is the first instant after `now` at which
    facts change by time alone: a fact that lies after `now` (a sender's clock runs ahead: it does not count yet), or
    the end of the agreement's term.
    """

    lead: str
    lead_name: str
    source: str
    crm_url: str | None
    agreement: str
    agreement_version: str
    timezone: str
    now_us: int
    clocks: tuple[str, ...]
    next_fact_us: int | None
    obligations: tuple[Obligation, ...]
