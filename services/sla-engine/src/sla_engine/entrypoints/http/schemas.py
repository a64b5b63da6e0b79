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
    transition: str = Field(description="opened, at_risk, breached, met, met_late, cancelled or retracted.")
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
    segment: str
    team: str
    owner: str = Field(description="Who holds the clock.")
    owner_name: str
    state: str = Field(description="on_track, at_risk, breached, met, met_late, cancelled or withdrawn.")
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


class Ground(Answer):
    """An event that the verdict rests on."""

    role: str = Field(description="started or ended: what it did to the clock.")
    event: str
    at: datetime
    what: str


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


class ObligationExplained(Answer):
    """A promise and why it stands as it does."""

    id: str
    clock: str
    clock_name: str
    cycle: int
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
