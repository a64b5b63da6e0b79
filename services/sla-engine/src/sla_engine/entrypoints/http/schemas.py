"""The JSON of the API. Field by field what `application.reading` and `application.explanation` define; see there."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from shared.events.envelope import ChangeOrigin, OwnerKind, TimeSource


class Answer(BaseModel):
    """Read from the application's values by name."""

    model_config = ConfigDict(from_attributes=True)


class LeadSummary(Answer):
    """A lead in a list."""

    key: str
    name: str
    source: str
    crm_url: str | None
    open: int = Field(description="Promises that still wait for something to be done.")
    breached: int = Field(description="Those of them that are broken already.")
    next_deadline: datetime | None = Field(description="Of the promises that are neither broken nor done.")


class LeadPage(Answer):
    """A page of leads, the one seen first latest first."""

    items: list[LeadSummary]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class LastAnnouncement(Answer):
    """The latest announcement about a promise."""

    event: str = Field(description="Id of the SLA event.")
    transition: str = Field(description="opened, at_risk, breached, met, met_late, cancelled, excused or retracted.")
    occurred_at: datetime
    announced_at: datetime
    retracted: str | None = Field(description="If it is a retraction: the transition taken back.")


class Obligation(Answer):
    """One promise on one lead, as last committed."""

    id: str
    lead: str
    lead_name: str
    crm_url: str | None
    clock: str
    clock_name: str
    cycle: int = Field(description="Which stay of the lead in the qualified stages, from 1.")
    round: int = Field(description="Which of the clock's runs in that stay, from 1.")
    segment: str
    team: str
    owner: str = Field(description="Who holds the clock; of a broken promise, who is charged.")
    owner_name: str
    state: str = Field(
        description="on_track, at_risk, breached, met, met_late, cancelled, paused, excused or withdrawn."
    )
    outcome: str | None = Field(description="met, breached, cancelled or excused; null while open.")
    started_at: datetime
    deadline: datetime
    stopped_at: datetime | None
    target_seconds: float
    business_seconds: float | None = Field(description="Used when it was done; null while it runs.")
    wall_seconds: float | None
    agreement_version: str
    reason: str
    last_announcement: LastAnnouncement | None
    retracted: bool = Field(description="Whether the latest announcement took something back.")


class ObligationPage(Answer):
    """A page of promises in the order deadline, id."""

    items: list[Obligation]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class Interval(Answer):
    """A stretch in which time counted."""

    start: datetime
    end: datetime


class Stretch(Answer):
    """A part of a turn."""

    start: datetime
    end: datetime
    kind: str = Field(description="open (it counted), closed, paused or exception.")
    reason: str


class Turn(Answer):
    """Who held the clock, for how long, in which open hours."""

    holder: str
    holder_id: str
    kind: OwnerKind | None
    team: str | None
    since: datetime
    to: datetime | None
    business_seconds: float
    wall_seconds: float
    calendar: str
    intervals: list[Interval]
    more_intervals: int = Field(description="Further intervals that are counted but not listed.")
    stretches: list[Stretch]
    more_stretches: int = Field(description="Further stretches that are counted but not listed.")
    paused_seconds: float | None = Field(description="Open hours in which nothing counted.")
    closed_seconds: float | None
    charged: bool = Field(description="Whether the breach is charged to this holder.")


class Ground(Answer):
    """What the verdict rests on: an event, or time itself."""

    role: str = Field(description="started, stopped, reset, cancelled, ended, paused or resumed: what it did.")
    event: str | None = Field(description="null where time or a new edition of the agreement did it.")
    at: datetime
    what: str
    question: str = Field(description="The clock's condition that it answered, in words.")


class Pause(Answer):
    """A stretch in which nothing counted."""

    kind: str = Field(description="lead (by its own events) or exception (by the agreement).")
    start: datetime
    to: datetime | None
    reason: str
    author: str
    agreement_line: int | None


class Excuse(Answer):
    """Why a miss is excused."""

    reason: str
    author: str
    agreement_line: int


class Charge(Answer):
    """Who is charged with a breach."""

    holder: str
    holder_id: str
    team: str | None
    rule: str = Field(description="holder_at_deadline, longest_holder or first_holder, as the agreement names it.")
    because: str


class Term(Answer):
    """What one turn adds to the sum."""

    holder: str
    seconds: float
    counted: bool = Field(description="False: used before the clock started anew.")


class Sum(Answer):
    """The terms add up to used; used - before_restart - target is over (negative: left); used + paused + closed is
    wall."""

    unit: str = Field(description="business time or wall time.")
    terms: list[Term]
    used_seconds: float
    before_restart_seconds: float
    target_seconds: float
    over_seconds: float | None = Field(description="null for an appointment: it is due at a time of day.")
    wall_seconds: float
    paused_seconds: float | None = Field(description="null where a calendar is not known any more.")
    closed_seconds: float | None


class DeadlineStep(Answer):
    """Whose time led to the deadline; the last step ends at it."""

    holder: str
    calendar: str
    start: datetime
    end: datetime
    seconds: float


class Warning_(Answer):  # noqa: N801 - `Warning` is a builtin exception
    """A warning and when it falls due."""

    name: str
    at: datetime


class Announcement(Answer):
    """What was announced; not standing: it was taken back."""

    event: str
    transition: str
    at: datetime
    warning: str
    standing: bool
    reason: str = Field(description="Why it was taken back.")


class ObligationExplained(Answer):
    """A promise and why it stands as it does."""

    id: str
    clock: str
    clock_name: str
    cycle: int
    round: int = Field(description="Which of its clock's runs in one stay it is.")
    rounds: int | None = Field(description="How many runs there may be; null: without bound.")
    segment: str
    state: str
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
    due_reason: str = Field(description="How the deadline came about.")
    deadline_steps: list[DeadlineStep]
    restarted_at: datetime | None = Field(description="Since when the target runs anew, if it does.")
    pauses: list[Pause]
    excuse: Excuse | None
    charge: Charge | None
    blame: str
    agreement_line: int = Field(description="Line of the target in the file of that edition.")
    calendar: str
    holder: str
    team: str | None
    turns: list[Turn]
    grounds: list[Ground]
    warnings: list[Warning_]
    announcements: list[Announcement]
    agreement_version: str = Field(description="The edition of the agreement that judges it.")


class Provenance(Answer):
    """Where an event's time came from."""

    time_source: TimeSource
    origin: ChangeOrigin
    received_at: datetime


class Moment(Answer):
    """One event of the lead's timeline."""

    id: str
    at: datetime
    kind: str
    what: str
    provenance: Provenance | None
    from_lead: str | None = Field(None, description="It happened to that lead, which was merged into this one.")


class Explanation(Answer):
    """One lead, judged when asked, and why."""

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
    forgotten: bool = Field(description="The person asked to be deleted: promises still count, but are not explained.")
    obligations: list[ObligationExplained]
    timeline: list[Moment]


class Compliance(Answer):
    """How one clock of one team did."""

    clock: str
    team: str
    opened: int
    met: int
    met_late: int = Field(description="Of the breached: done after all.")
    breached: int
    excused: int
    cancelled: int
    ratio: float | None = Field(description="met / (met + breached); null where nothing was decided.")
    ratio_low: float | None = Field(description="Lower bound of the 95 % Wilson interval.")
    ratio_high: float | None = Field(description="Upper bound of the 95 % Wilson interval.")
    median_business_seconds: float | None
    p90_business_seconds: float | None


class ComplianceReport(Answer):
    """Promises opened and decided from `start` (inclusive) to `end` (exclusive)."""

    start: datetime
    end: datetime
    items: list[Compliance]
