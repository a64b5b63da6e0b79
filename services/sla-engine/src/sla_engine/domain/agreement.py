"""The agreement, as the engine uses it: checked, resolved, frozen.

Names were resolved and every calendar proved usable when the file was read (`adapters.agreement_file`), so nothing in
here fails on a lead. Durations are microseconds of business time.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from shared.events.envelope import Owner, OwnerKind
from shared.events.sla import Escalation, Party
from sla_engine.domain.calendar import Calendar
from sla_engine.domain.conditions import Condition
from sla_engine.domain.durations import Appointment, Duration, Warning_
from sla_engine.domain.facts import Fact
from sla_engine.domain.moments import ALL_KINDS, OF_ATTRIBUTES, Count, Moment

DEFAULT_SEGMENT = "default"
RESUME = 4
"""The place of `resume` among what is asked of a running clock."""


class Per(enum.StrEnum):
    """What the runs of a clock belong to: each stay in the qualified stages, or the lead."""

    STAY = "stay"
    LEAD = "lead"


class OnReassignment(enum.StrEnum):
    """What a new owner means for a running clock."""

    CONTINUE = "continue"
    RESTART = "restart"


class HeldBy(enum.StrEnum):
    """Who holds a clock, where it names no team."""

    OWNER = "owner"
    MARKETING = "marketing"


class Blame(enum.StrEnum):
    """Who is charged with a broken promise."""

    HOLDER_AT_DEADLINE = "holder_at_deadline"
    LONGEST_HOLDER = "longest_holder"
    FIRST_HOLDER = "first_holder"


class Effect(enum.StrEnum):
    """What an exception does to the promises in its window."""

    EXCUSE = "excuse"
    PAUSE = "pause"


class CalendarOf(enum.StrEnum):
    """Whose calendar a clock counts in, where it names none."""

    TEAM = "team"
    OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may own leads. `calendar` is in the person's own zone."""

    id: str
    name: str
    zone: str
    team: str | None
    calendar: Calendar
    crm_ids: tuple[str, ...] = ()
    slack: str | None = None
    email: str | None = None
    party: Party = field(init=False)
    """The person as SLA events name them."""

    def __post_init__(self) -> None:
        party = Party(
            id=self.id,
            name=self.name,
            kind=OwnerKind.USER,
            team=self.team,
            zone=self.zone,
            slack=self.slack,
            email=self.email,
        )
        object.__setattr__(self, "party", party)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """People who share a calendar, a channel and a manager. `queues` are CRM ids of queues that the team serves."""

    name: str
    calendar: Calendar
    zone: str
    channel: str | None = None
    manager: Party | None = None
    members: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    escalation: Escalation = field(init=False)
    """Whom a broken promise of this team concerns."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "escalation", Escalation(team=self.name, channel=self.channel, manager=self.manager))


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Leads that get a promise of their own; the first in the file that matches and has a target wins."""

    name: str
    condition: Condition
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Within which time a clock must be stopped: the n-th of `due` in the n-th round, the last in all later ones.

    None at all: the segment is promised nothing. `calendar` where it is not the clock's.
    """

    segment: str
    due: tuple[Duration | Appointment, ...]
    calendar: CalendarOf | str | None = None
    line: int = 0

    def in_round(self, number: int) -> Duration | Appointment | None:
        """What is promised in a round, counted from 1."""
        return self.due[min(number, len(self.due)) - 1] if self.due else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How people are told of a clock: "Acme waits for {waits_for}", and whole sentences with `{lead}` in them.

    `done` may say `{by}`: by whom, where that is known.
    """

    waits_for: str
    broken: str
    done: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One promise on every lead; docs/clocks.md says what each part means.

    `targets` is in the order of the segments in the file, the default last. `settle_us` is waited before a breach is
    announced, `settle_by_source` where a source needs another time. `times` None: without bound.
    """

    id: str
    name: str
    words: Words
    start: Moment
    stop: Moment
    targets: tuple[tuple[Condition | None, Target], ...]
    reset: Moment | None = None
    cancel: Moment | None = None
    pause: Moment | None = None
    resume: Moment | None = None
    per: Per = Per.STAY
    times: int | None = 1
    held_by: HeldBy | str = HeldBy.OWNER
    calendar: CalendarOf | str = CalendarOf.TEAM
    warnings: tuple[Warning_, ...] = ()
    settle_us: int = 30_000_000
    settle_by_source: Mapping[str, int] = field(default_factory=dict)
    on_reassignment: OnReassignment = OnReassignment.CONTINUE
    blame: Blame = Blame.HOLDER_AT_DEADLINE
    escalate_to: str | None = None
    goal: float = 0.9
    """The share of promises to be kept, 0–1."""
    line: int = 0
    chained: frozenset[str] = field(init=False)
    """The clocks whose end it asks for."""
    running: tuple[tuple[int, Moment], ...] = field(init=False, repr=False)
    """What is asked while it runs, with its place in the order of precedence: stop, reset, cancel, pause, resume."""
    asked_at: Mapping[type[Fact], tuple[tuple[int, Moment], ...]] = field(init=False, repr=False)
    """The part of `running` whose answer may change at a fact of a kind."""
    rests_on: tuple[str, ...] = field(init=False, repr=False)
    """The words about the lead on which its start rests."""
    counted: tuple[Count, ...] = field(init=False, repr=False)
    """The counted questions among those."""
    follows_owner: bool = field(init=False, repr=False)
    in_stay: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        asked = (self.stop, self.reset, self.cancel, self.pause, self.resume)
        running = tuple((place, moment) for place, moment in enumerate(asked) if moment is not None)
        chained = [self.start.chained, *(moment.chained for _, moment in running)]
        object.__setattr__(self, "running", running)
        asked_at = {kind: tuple(each for each in running if _asked(each, kind)) for kind in ALL_KINDS}
        object.__setattr__(self, "asked_at", asked_at)
        rests_on = tuple(word for word in ("stay", "stage", "owner") if word in self.start.grounds)
        object.__setattr__(self, "rests_on", rests_on)
        object.__setattr__(self, "counted", tuple(each for _, moment in running for each in moment.counted))
        object.__setattr__(self, "chained", frozenset().union(*chained))
        object.__setattr__(self, "follows_owner", self.held_by is HeldBy.OWNER)
        object.__setattr__(self, "in_stay", self.per is Per.STAY)


def _asked(running: tuple[int, Moment], kind: type[Fact]) -> bool:
    """Whether it is asked at such a fact. What lets time count again is asked at every fact: it may hold already."""
    place, moment = running
    return kind in moment.kinds or (place == RESUME and moment.rests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exception_:  # noqa: N801 - `Exception` is a builtin
    """A window in which no time counts, or in which misses are excused; both ends belong to it.

    Each filter that is empty lets all pass. `teams` is the team of whoever holds the clock.
    """

    from_us: int
    to_us: int
    effect: Effect
    reason: str
    author: str
    clocks: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    line: int = 0

    def concerns(self, *, clock: str, team: str | None, source: str, segment: str) -> bool:
        """Whether it is meant for such a promise."""
        return (
            (not self.clocks or clock in self.clocks)
            and (not self.teams or team in self.teams)
            and (not self.sources or source in self.sources)
            and (not self.segments or segment in self.segments)
        )


class Plan:
    """Which clocks must be asked at which facts, worked out once for an agreement.

    `listening` has, for each kind of fact, the places (in the file's order) of the clocks that may have an answer;
    `chained` the places of clocks that wait for others, each after those it waits for.
    """

    __slots__ = ("asks_attributes", "chained", "listening")

    def __init__(self, clocks: tuple[Clock, ...]) -> None:
        self.listening: dict[type[Fact], tuple[int, ...]] = {
            kind: tuple(at for at, clock in enumerate(clocks) if _listens(clock, kind)) for kind in ALL_KINDS
        }
        self.chained = _after_those_they_wait_for(clocks)
        self.asks_attributes = any(
            moment.kinds & OF_ATTRIBUTES for clock in clocks for moment in (clock.start, *[m for _, m in clock.running])
        )


def _listens(clock: Clock, kind: type[Fact]) -> bool:
    return kind in clock.start.kinds or bool(clock.asked_at[kind])


def _after_those_they_wait_for(clocks: tuple[Clock, ...]) -> tuple[int, ...]:
    """Raises `ValueError` with the ids of clocks that wait for each other."""
    waiting = {clock.id: clock.chained & {each.id for each in clocks} for clock in clocks}
    try:
        order = list(TopologicalSorter(waiting).static_order())
    except CycleError as error:
        raise ValueError(" → ".join(error.args[1])) from error
    places = {clock.id: at for at, clock in enumerate(clocks)}
    return tuple(places[name] for name in order if clocks[places[name]].chained)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One version of the agreement.

    `version` is the declared version and the first digits of the content's hash, such as `3+1f0c9a2b`. `people` and
    `teams_by_queue` are keyed by `source:id` and by the bare id; a source-qualified key wins. `declared` is the file
    as read, for what people are shown and later clocks will use.
    """

    name: str
    version: str
    timezone: str
    qualified_stages: frozenset[str]
    closing_dispositions: frozenset[str]
    clocks: tuple[Clock, ...]
    segments: tuple[Segment, ...]
    calendars: Mapping[str, Calendar]
    default_calendar: Calendar
    people: Mapping[str, Person]
    teams: Mapping[str, Team]
    teams_by_queue: Mapping[str, Team]
    marketing: Party
    marketing_team: Team | None = None
    sales_team: Team | None = None
    exceptions: tuple[Exception_, ...] = ()
    starts_us: int | None = None
    """Nothing is promised before it."""
    ends_us: int | None = None
    """Nothing is promised from it on: the end of the agreement's term."""
    declared: Mapping[str, Any] = field(default_factory=dict)
    clock_ids: tuple[str, ...] = field(init=False, repr=False)
    plan: Plan = field(init=False, repr=False, compare=False)
    seats: dict[Any, object] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What `seats.seat` remembers; nobody else looks in here."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "clock_ids", tuple([clock.id for clock in self.clocks]))
        object.__setattr__(self, "plan", Plan(self.clocks))

    def person(self, source: str, crm_id: str) -> Person | None:
        """The person whom `source` calls `crm_id`."""
        return self.people.get(f"{source}:{crm_id}") or self.people.get(crm_id)

    def team_of(self, source: str, owner: Owner | None) -> Team | None:
        """The team of an owner: the agreement's word first, then the event's own."""
        if owner is None:
            return self.marketing_team
        if owner.kind is OwnerKind.USER:
            person = self.person(source, owner.id)
            named = person.team if person is not None and person.team else owner.team
            return self.teams.get(named) if named else self.sales_team
        served = self.teams_by_queue.get(f"{source}:{owner.id}") or self.teams_by_queue.get(owner.id)
        return served or self.teams.get(owner.team or owner.id) or self.sales_team

    def clock(self, name: str) -> Clock | None:
        """The clock of this id; None where the agreement does not promise it."""
        return next((clock for clock in self.clocks if clock.id == name), None)
