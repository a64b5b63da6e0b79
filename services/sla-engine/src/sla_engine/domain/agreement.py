"""The agreement, as the engine uses it: checked, resolved, frozen.

Names were resolved and every calendar proved usable when the file was read (`adapters.agreement_file`), so nothing in
here fails on a lead. Durations are microseconds of business time.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.events.envelope import Channel, Direction, Owner, OwnerKind
from shared.events.sla import Escalation, Party
from sla_engine.domain.calendar import Calendar
from sla_engine.domain.conditions import Condition
from sla_engine.domain.durations import Duration, Warning_

DEFAULT_SEGMENT = "default"


class ClockKind(enum.StrEnum):
    """Which promise a clock measures; its value is the clock's id in SLA events."""

    HANDOFF = "handoff"
    FIRST_TOUCH = "first_touch"


class OnReassignment(enum.StrEnum):
    """What a new owner means for a running clock."""

    CONTINUE = "continue"
    RESTART = "restart"


class TouchBy(enum.StrEnum):
    """Whose touch counts."""

    ANYONE = "anyone"
    OWNER = "owner"


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
    """Within which time a clock must be stopped. `duration` None: the segment is promised nothing."""

    segment: str
    duration: Duration | None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchRule:
    """What counts as a touch."""

    channels: tuple[Channel, ...] = (Channel.CALL, Channel.EMAIL, Channel.MEETING, Channel.MESSAGE)
    directions: tuple[Direction, ...] = (Direction.OUTBOUND,)
    by: TouchBy = TouchBy.ANYONE
    automated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One promise on every lead. `targets` is in the order of the segments in the file, the default last.

    `start_stages` are the stages whose entry starts a handoff. `settle_us` is waited before a breach is announced,
    `settle_by_source` where a source needs another time.
    """

    kind: ClockKind
    name: str
    targets: tuple[tuple[Condition | None, Target], ...]
    calendar: CalendarOf | str = CalendarOf.TEAM
    warnings: tuple[Warning_, ...] = ()
    settle_us: int = 30_000_000
    settle_by_source: Mapping[str, int] = field(default_factory=dict)
    on_reassignment: OnReassignment = OnReassignment.CONTINUE
    touch: TouchRule = TouchRule()
    start_stages: frozenset[str] = frozenset({"mql"})
    cancelled_by_rejection: bool = True
    escalate_to: str | None = None
    line: int = 0
    id: str = field(init=False)
    """The kind's value, at hand: reading an enum's `value` costs more than a calendar's answer."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", self.kind.value)


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
    declared: Mapping[str, Any] = field(default_factory=dict)
    handoff: Clock | None = field(init=False, repr=False)
    first_touch: Clock | None = field(init=False, repr=False)
    clock_ids: tuple[str, ...] = field(init=False, repr=False)
    seats: dict[Any, object] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What `seats.seat` remembers; nobody else looks in here."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "clock_ids", tuple([clock.id for clock in self.clocks]))
        object.__setattr__(self, "handoff", self.clock(ClockKind.HANDOFF))
        object.__setattr__(self, "first_touch", self.clock(ClockKind.FIRST_TOUCH))

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

    def clock(self, kind: ClockKind) -> Clock | None:
        """The clock of this kind; None where the agreement does not promise it."""
        return next((clock for clock in self.clocks if clock.kind is kind), None)
