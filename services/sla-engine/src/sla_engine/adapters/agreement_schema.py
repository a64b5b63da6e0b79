"""The shape of an agreement file, as pydantic models: the source of the checks and of the JSON Schema for editors.

Field descriptions are what an editor shows. What one field can't tell alone (names of people, reachable targets) is
checked in `agreement_build`.
"""

import datetime as dt
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from shared.events.envelope import Channel, Direction
from sla_engine.domain.agreement import OnReassignment, TouchBy


def _text(value: object) -> object:
    """YAML reads 1001 and 2026-05-15 as a number and a date; here they are names and words."""
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _listed(value: object) -> object:
    """One value where a list is wanted is a list of one."""
    return value if isinstance(value, list) or value is None else [value]


_TEXT_SCHEMA = {"type": ["string", "number"]}
Text = Annotated[str, BeforeValidator(_text), Field(min_length=1), WithJsonSchema(_TEXT_SCHEMA)]
Texts = Annotated[
    list[Text],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "array", "items": _TEXT_SCHEMA}, _TEXT_SCHEMA]}),
]
Value = str | int | float | bool


class Section(BaseModel):
    """A section knows its words and no others."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Term(Section):
    """From when to when the agreement holds."""

    from_: dt.date | None = Field(None, alias="from", description="First day.")
    to: dt.date | None = Field(None, description="Last day.")


class Head(Section):
    """Section 1: what is agreed."""

    name: Text = Field(description="What people call the agreement.")
    version: Text = Field("1", description="Your own number; the engine adds a hash of the content.")
    timezone: Text = Field("UTC", description="IANA zone for everything that names none, such as Europe/Berlin.")
    summary: str | None = Field(None, description="What is delivered, to whom, and how success is measured.")
    term: Term | None = None
    review: str | None = Field(None, description="How often it is looked at again: monthly, quarterly, six-monthly.")
    calendar: Text | None = Field(None, description="The calendar of everybody whose team names none.")


class Party(Section):
    """Section 2 and 3: a party, its goals and what it needs."""

    name: Text
    team: Text | None = Field(None, description="The team that acts for the party.")
    goals: Texts = []
    needs: Texts = []


class Parties(Section):
    """The two parties. Marketing holds a lead until a person owns it."""

    marketing: Party = Party(name="Marketing")
    sales: Party = Party(name="Sales")


class Contact(Section):
    """Section 4: who answers for what."""

    person: Text
    for_: str | None = Field(None, alias="for", description="What they answer for.")
    receives: Texts = Field([], description="Reports they get.")


class Stages(Section):
    """Section 7: which canonical stages count. The mapping of each CRM says which raw values they are."""

    qualified: Texts = Field(["mql", "sal", "sql"], min_length=1, description="While in these, promises run.")
    handoff_at: Texts = Field(["mql"], min_length=1, description="Entering one of these starts the handoff clock.")
    closing_dispositions: Texts = Field(
        ["recycled", "disqualified"], description="Dispositions that end the lead's stay in the qualified stages."
    )


class PersonEntry(Section):
    """Somebody who may own leads or be told of them."""

    name: Text
    id: Text | None = Field(None, description="A short name for this file; the name itself where there is none.")
    crm: Texts = Field([], description='Ids in the CRMs: "hubspot:1001" for one source, "1001" for any.')
    zone: Text | None = Field(None, description="IANA zone in which this person works and reads times.")
    calendar: Text | None = Field(None, description="Own hours; else the team's, by the clocks of the person's zone.")
    slack: Text | None = Field(None, description="Slack member id, such as U012AB3CD.")
    email: Text | None = None


class TeamEntry(Section):
    """People who share a calendar, a channel and a manager."""

    name: Text
    members: Texts = Field([], description="People, by id or name.")
    manager: Text | None = Field(None, description="A person, by id or name; told of broken promises.")
    slack: Text | None = Field(None, description="Channel id or name for broken promises.")
    zone: Text | None = Field(None, description="IANA zone in which the team works.")
    calendar: Text | None = Field(None, description="Its hours; by the clocks of its zone where they name none.")
    queues: Texts = Field([], description='CRM queues that the team serves: "salesforce:00G..." or a bare id.')


class Holidays(Section):
    """Legal holidays, by country and, where it matters, state."""

    country: Text | None = Field(None, description="ISO country code, such as DE or US.")
    subdivision: Text | None = Field(None, description="State or region code, such as BY or CA.")
    add: Texts = Field([], description='More days off: "2026-05-15", every year "12-24", or a range "12-24..01-02".')
    remove: Texts = Field([], description="Holidays on which you work, by date (as in add) or by their English name.")


class HalfDayEntry(Section):
    """Days with shorter hours."""

    on: Texts = Field(min_length=1, description='"12-23" every year, "2026-12-23", or a range.')
    opens: Text | None = Field(None, description="Open from this time on, such as 13:00.")
    closes: Text | None = Field(None, description="Open up to this time, such as 12:00.")
    name: str | None = None


class ClosedEntry(Section):
    """A time in which nothing counts, by the calendar's own wall clock."""

    from_: Text = Field(alias="from", description='"2026-11-22 12:00"')
    to: Text = Field(description='"2026-11-22 15:00"')
    why: str = ""


class CalendarEntry(Section):
    """Opening hours. Keys of `week`: monday … sunday, a span such as monday-friday, weekdays, weekend, daily."""

    zone: Text | None = Field(None, description="IANA zone; else that of whoever uses it, or the agreement's.")
    week: dict[str, Texts] = Field(
        min_length=1, description='Ranges per weekday: "09:00-12:00"; "22:00-06:00" runs over midnight; up to 24:00.'
    )
    holidays: Holidays = Holidays()
    half_days: list[HalfDayEntry] = []
    closed: list[ClosedEntry] = []


class When(Section):
    """A condition: one question, or several joined by all, any, not."""

    all: list["When"] | None = Field(None, description="Every one holds.")
    any: list["When"] | None = Field(None, description="At least one holds.")
    not_: "When | None" = Field(None, alias="not", description="It does not hold.")
    attribute: Text | None = Field(None, description="Name of a lead's attribute; say also what it must be.")
    equals: Value | None = None
    one_of: list[Value] | None = None
    contains: Text | None = None
    at_least: float | None = None
    at_most: float | None = None
    more_than: float | None = None
    less_than: float | None = None
    exists: bool | None = None
    source: Texts | None = Field(None, description="The CRM connection the lead came by.")
    owner: Texts | None = Field(None, description="People who own it, by id or name, or a CRM id.")
    team: Texts | None = Field(None, description="Teams whose people own it.")


class SegmentEntry(Section):
    """Leads that get promises of their own. The first in the file that matches and has a target wins."""

    name: Text
    when: When
    description: str | None = None


class TouchEntry(Section):
    """What counts as a touch."""

    channels: list[Channel] = [Channel.CALL, Channel.EMAIL, Channel.MEETING, Channel.MESSAGE]
    directions: list[Direction] = [Direction.OUTBOUND]
    by: TouchBy = TouchBy.ANYONE
    automated: bool = Field(default=False, description="Whether sequences and other machines count.")


class ClockEntry(Section):
    """A promise on every qualified lead."""

    enabled: bool = True
    name: Text | None = Field(None, description="What people call it.")
    targets: dict[str, Text | None] = Field(
        min_length=1,
        description='Per segment, and `default`: "15m", "1h 30m", "2 business days"; "none" promises nothing.',
    )
    calendar: Text = Field("team", description="team, owner, always (every hour counts), or a calendar's name.")
    warnings: Texts = Field(["75%"], description='Shares of the target, "75%", or what is left of it, "15m left".')
    settle: Text = Field("30s", description="Wait so long after the deadline for late news before saying it broke.")
    settle_by_source: dict[str, Text] = Field({}, description="Another time for some sources.")
    escalate_to: Text | None = Field(None, description="The team that hears of it; else the team of who held the lead.")


class HandoffEntry(ClockEntry):
    """From the moment a lead qualifies to the moment a person owns it."""


class FirstTouchEntry(ClockEntry):
    """From the moment a person owns a qualified lead to the first real attempt to reach it."""

    on_reassignment: OnReassignment = Field(
        OnReassignment.CONTINUE, description="continue: what was used stays used; restart: a new owner starts afresh."
    )
    touch: TouchEntry = TouchEntry()
    cancelled_by_rejection: bool = Field(default=True, description="Whether a rejection by sales ends the clock.")


class Clocks(Section):
    """Section: the promises."""

    handoff: HandoffEntry | None = None
    first_touch: FirstTouchEntry | None = None


class AgreementFile(Section):
    """A sales/marketing agreement that Leadpact keeps."""

    agreement: Head
    parties: Parties = Parties()
    contacts: list[Contact] = []
    definitions: dict[str, str] = Field({}, description="What both sides mean by lead, MQL, SAL, SQL, customer …")
    stages: Stages = Stages()
    people: list[PersonEntry] = []
    teams: list[TeamEntry] = []
    calendars: dict[str, CalendarEntry] = Field(min_length=1)
    segments: list[SegmentEntry] = []
    clocks: Clocks
    exceptions: list[dict[str, Any]] = Field([], description="Clauses for the unexpected; shown to people for now.")
    consequences: dict[str, Any] = Field({}, description="What follows a miss or a success; shown to people for now.")
