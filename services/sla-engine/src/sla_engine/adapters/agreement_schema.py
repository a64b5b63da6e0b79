"""The shape of an agreement file, as pydantic models: the source of the checks and of the JSON Schema for editors.

Field descriptions are what an editor shows. What one field can't tell alone (names of people, reachable targets) is
checked in `agreement_build`.
"""

import datetime as dt
import difflib
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from shared.events.envelope import Channel, Direction
from sla_engine.adapters.away_events import Counts
from sla_engine.domain.agreement import Blame, Effect, OnReassignment, Per


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
    blame: Blame = Field(Blame.HOLDER_AT_DEADLINE, description="Who is charged with a broken promise.")


class Party(Section):
    """Section 2 and 3: a party, its goals and what it needs."""

    name: Text
    team: Text | None = Field(None, description="The team that acts for the party.")
    goals: Texts = []
    needs: Texts = []


class Parties(Section):
    """The parties. Marketing holds a lead until a person owns it."""

    marketing: Party = Party(name="Marketing")
    sales: Party = Party(name="Sales")
    others: list[Party] = Field([], description="Further parties, such as customer service, whose teams hold clocks.")


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


class AbsenceEntry(Section):
    """A person is away, by the wall clock of their own zone."""

    from_: Text = Field(alias="from", description='First day, or "2026-03-02 14:00".')
    to: Text = Field(description="Last day (included), or an instant.")
    why: str = ""


class FeedEntry(Section):
    """A calendar of somebody's absences; the short form is its path or address alone."""

    feed: Text = Field("", description="Path of an .ics file, from this file's folder, or an https address.")
    env: Text | None = Field(None, description="The environment variable that holds it: such addresses are secrets.")
    events: Counts = Field(
        Counts.OUT_OF_OFFICE,
        description="out_of_office: what is marked so, and whole days; busy: every event that is not free.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"feed": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.feed) == (self.env is not None):
            raise ValueError("names no place or two: say feed, a path or address, or env, the variable that holds it")
        return self


class ReadAbsence(Section):
    """A time in which somebody's calendar said that they are away."""

    from_: Text = Field(alias="from")
    to: Text


_FEED_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"feed": _TEXT_SCHEMA, "env": _TEXT_SCHEMA, "events": {"enum": [*Counts]}},
            "additionalProperties": False,
        },
        {"type": "null"},
    ]
}


class PersonEntry(Section):
    """Somebody who may own leads or be told of them."""

    name: Text
    id: Text | None = Field(None, description="A short name for this file; the name itself where there is none.")
    crm: Texts = Field([], description='Ids in the CRMs: "hubspot:1001" for one source, "1001" for any.')
    zone: Text | None = Field(None, description="IANA zone in which this person works and reads times.")
    calendar: Text | None = Field(None, description="Own hours; else the team's, by the clocks of the person's zone.")
    slack: Text | None = Field(None, description="Slack member id, such as U012AB3CD.")
    email: Text | None = None
    absences: list[AbsenceEntry] = Field([], description="When the person is away: their own calendar is closed.")
    absences_ics: Annotated[FeedEntry | None, WithJsonSchema(_FEED_SCHEMA)] = Field(
        None, description="The same from a calendar: a path, an https address, or {feed or env, events}."
    )


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


class Asked(Section):
    """Questions about a lead that segments and clocks ask."""

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


class When(Asked):
    """A condition: one question, or several joined by all, any, not."""

    all: list["When"] | None = Field(None, description="Every one holds.")
    any: list["When"] | None = Field(None, description="At least one holds.")
    not_: "When | None" = Field(None, alias="not", description="It does not hold.")


class SegmentEntry(Section):
    """Leads that get promises of their own. The first in the file that matches and has a target wins."""

    name: Text
    when: When
    description: str | None = None


def _by(value: object) -> object:
    """The short forms written out. Raises `ValueError` with the cure."""
    if not isinstance(value, str):
        return value
    short: dict[str, object] = {"anyone": {}, "owner": {"owner": True}}
    if value not in short:
        near = difflib.get_close_matches(value, list(short), n=1)
        said = f'did you mean "{near[0]}"?' if near else "write anyone, owner, {people: …} or {team: …}"
        raise ValueError(f'"{value}" is not known here: {said}')
    return short[value]


class ByEntry(Section):
    """Whose touch counts; nothing said: anyone's."""

    owner: bool = Field(default=False, description="The lead's owner.")
    people: Texts = Field([], description="People, by id or name, or CRM ids.")
    team: Texts = Field([], description="Teams whose people count.")


_BY_SCHEMA = {"anyOf": [{"enum": ["anyone", "owner"]}, ByEntry.model_json_schema()]}


class TouchEntry(Section):
    """What counts as a touch."""

    channels: list[Channel] = [Channel.CALL, Channel.EMAIL, Channel.MEETING, Channel.MESSAGE]
    directions: list[Direction] = [Direction.OUTBOUND]
    by: Annotated[ByEntry, BeforeValidator(_by), WithJsonSchema(_BY_SCHEMA)] = Field(
        ByEntry(), description="anyone, owner, or {people: …} or {team: …}."
    )
    automated: bool = Field(default=False, description="Whether sequences and other machines count.")
    outcome: Texts = Field([], description="Only touches with one of these outcomes, as the mapping calls them.")


Values = Annotated[list[Value], BeforeValidator(_listed), Field(min_length=1)]


class MomentEntry(Asked):
    """A condition over what happens to a lead: one question, or several joined by all, any, not."""

    all: list["MomentEntry"] | None = Field(None, description="Every one holds.")
    any: list["MomentEntry"] | None = Field(None, description="At least one holds.")
    not_: "MomentEntry | None" = Field(None, alias="not", description="It does not hold.")
    event: Texts | None = Field(None, description="An event of such a type came, such as lead.accepted.")
    fields: dict[str, Values] | None = Field(None, description="An event with these values came.")
    touch: TouchEntry | None = Field(None, description="A touch that counts was made.")
    count: int | None = Field(None, ge=1, description="From the so-many-th time on, beside event, fields or touch.")
    ended: Text | None = Field(None, description="A run of that clock was stopped.")
    stage: Texts | None = Field(None, description="While the lead is in one of these stages.")
    qualified: bool | None = Field(None, description="While the lead is (not) in the qualified stages.")
    owner_kind: Texts | None = Field(None, description="While a person, a queue, a team or nobody owns the lead.")


class WordsEntry(Section):
    """How people are told of a clock."""

    waits_for: Text | None = Field(None, description='Completes "Acme waits for …": a first touch.')
    broken: Text | None = Field(None, description='Before "within 1h": "Nobody has contacted {lead}".')
    done: Text | None = Field(None, description='"{lead} was contacted{by}"; {by} becomes " by Ana" where it is known.')


class TargetEntry(Section):
    """A target; the short form is its text alone."""

    within: Texts = Field(min_length=1, description="The target, or one for each round.")
    calendar: Text | None = Field(None, description="team, owner, always, or a calendar's name; else the clock's.")


def _target(value: object) -> object:
    if value is None or value == "none":
        return None
    return value if isinstance(value, dict) else {"within": value}


_TARGET_SCHEMA = {
    "anyOf": [_TEXT_SCHEMA, {"type": "array", "items": _TEXT_SCHEMA}, TargetEntry.model_json_schema(), {"type": "null"}]
}


def _times(value: object) -> object:
    return 0 if value == "any" else value


class ClockEntry(Section):
    """A promise on every lead that it fits. What is not said comes from its family."""

    family: Text | None = Field(None, description="Take what is not said from it; its own id where that is a family.")
    enabled: bool = True
    name: Text | None = Field(None, description="What people call it.")
    words: WordsEntry = WordsEntry()
    per: Per = Field(Per.STAY, description="stay: bound to the qualified stages; lead: to none.")
    start: MomentEntry | None = Field(None, description="It starts when this becomes true.")
    stop: MomentEntry | None = Field(None, description="It is done when this holds.")
    reset: MomentEntry | None = Field(None, description="It is done and the next round begins when this holds.")
    cancel: MomentEntry | None = Field(None, description="It no longer counts when this holds.")
    pause: MomentEntry | None = Field(None, description="No time counts from then on.")
    resume: MomentEntry | None = Field(None, description="Time counts again; else when pause no longer holds.")
    times: (
        Annotated[int, BeforeValidator(_times), WithJsonSchema({"anyOf": [{"type": "integer"}, {"const": "any"}]})]
        | None
    ) = Field(None, ge=0, description="At most so many rounds; 1 unless said, or any for per: lead.")
    held_by: Text = Field("owner", description="owner, marketing, or a team's name.")
    targets: dict[str, Annotated[TargetEntry | None, BeforeValidator(_target), WithJsonSchema(_TARGET_SCHEMA)]] = Field(
        min_length=1,
        description=(
            'Per segment, and `default`: "15m", "2 business days", "4h wall", "next business day 10:00", a list of '
            'these for each round, or {within, calendar}; "none" promises nothing.'
        ),
    )
    calendar: Text = Field("team", description="team, owner, always (every hour counts), or a calendar's name.")
    warnings: Texts = Field(["75%"], description='Shares of the target, "75%", or what is left of it, "15m left".')
    settle: Text = Field("30s", description="Wait so long after the deadline for late news before saying it broke.")
    settle_by_source: dict[str, Text] = Field({}, description="Another time for some sources.")
    on_reassignment: OnReassignment = Field(
        OnReassignment.CONTINUE, description="continue: what was used stays used; restart: a new owner starts afresh."
    )
    blame: Blame | None = Field(None, description="Who is charged with a miss; else as the agreement says.")
    goal: Text = Field("90%", description="The share of promises to be kept; what is left of 100% is the budget.")
    escalate_to: Text | None = Field(None, description="The team that hears of it; else the team of who is charged.")
    touch: TouchEntry | None = Field(None, description="For first_touch: what counts as one.")
    cancelled_by_rejection: bool = Field(default=True, description="For first_touch: a rejection by sales ends it.")


class ExceptionEntry(Section):
    """A time in which nothing counts or misses are excused, by the wall clock of the agreement's zone; or a clause in
    words (`what`), which is shown to people."""

    from_: Text | None = Field(None, alias="from", description='"2026-03-02 09:00"; a date means its 00:00.')
    to: Text | None = Field(None, description='"2026-03-02 17:00"; a date means its end.')
    why: Text | None = Field(None, description="The reason, as people will read it.")
    by: Text | None = Field(None, description="Who decided it.")
    effect: Effect = Field(Effect.EXCUSE, description="excuse: misses in it are excused; pause: no time counts.")
    clocks: Texts = []
    teams: Texts = Field([], description="Teams of whoever holds the clock.")
    sources: Texts = []
    segments: Texts = []
    what: Text | None = Field(None, description="A clause in words.")
    then: Text | None = Field(None, description="What follows, in words.")


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
    clocks: dict[str, ClockEntry]
    exceptions: list[ExceptionEntry] = Field([], description="What is excused, and clauses in words.")
    absences_read: dict[str, list[ReadAbsence]] = Field(
        {}, description="Written by the engine: what the calendars of absences said. With it none is asked."
    )
    consequences: dict[str, Any] = Field({}, description="What follows a miss or a success; shown to people for now.")
