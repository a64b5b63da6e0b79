"""An agreement with clocks declared one by one, in its plainest form. Conditions are as the file writes them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.support.oracle.paper import Warn
from tests.support.oracle.wall_clock import Hours

Condition = Mapping[str, object]
"""Questions, as docs/clocks.md writes them."""
Window = tuple[dt.datetime, dt.datetime]
"""From and to, by a wall clock."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is promised: so many minutes of business or wall time, so many business days, or a time on a business day.

    `days` counts business days; of an instant, 0 is the same day and 1 the next. `minute` is that of the day.
    """

    kind: Literal["business", "wall", "days", "instant"]
    minutes: int = 0
    days: int = 0
    minute: int = 0
    calendar: str | None = None

    @property
    def text(self) -> str:
        """As the agreement writes it."""
        match self.kind:
            case "business":
                return f"{self.minutes}m"
            case "wall":
                return f"{self.minutes}m wall"
            case "days":
                return f"{self.days} business {'day' if self.days == 1 else 'days'}"
            case "instant":
                day = {0: "same business day", 1: "next business day"}.get(self.days, f"{self.days} business days")
                return f"{day} {self.minute // 60:02d}:{self.minute % 60:02d}"


@dataclass(frozen=True, kw_only=True)
class Clock:
    """One promise. `targets` per segment: the k-th for the k-th round, the last for all later ones; empty: none."""

    id: str
    start: Condition
    stop: Condition | None
    targets: Mapping[str, tuple[Target, ...]]
    reset: Condition | None = None
    cancel: Condition | None = None
    pause: Condition | None = None
    resume: Condition | None = None
    per: Literal["stay", "lead"] = "stay"
    times: int | None = None
    held_by: str = "owner"
    calendar: str = "team"
    warnings: tuple[Warn, ...] = ()
    restart: bool = False
    blame: Literal["holder_at_deadline", "longest_holder", "first_holder"] = "holder_at_deadline"
    settle_seconds: int = 30

    @property
    def most_runs(self) -> int | None:
        """How many runs a stay or a lead may have; None: any number."""
        return 1 if self.times is None and self.per == "stay" else self.times

    @property
    def waits_for(self) -> set[str]:
        """The clocks whose end it asks for."""
        return {
            name
            for condition in (self.start, self.stop, self.reset, self.cancel, self.pause, self.resume)
            if condition is not None
            for name in _ends(condition)
        }


@dataclass(frozen=True, kw_only=True)
class Member:
    """Somebody who may own leads; `zone` moves the team's hours there, `hours` are the person's own, as they stand.

    An absence is a window by the wall clock of the person's zone; `whole_days` writes it as first and last day.
    """

    id: str
    crm: str
    team: str
    zone: str | None = None
    hours: str | None = None
    absences: tuple[Window, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Exempt:
    """A window, by the wall clock of the agreement's zone, in which time does not count or breaches are excused."""

    window: Window
    effect: Literal["pause", "excuse"]
    clocks: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The whole agreement."""

    zone: str
    hours: Mapping[str, Hours]
    default_hours: str
    teams: Mapping[str, str]
    """The calendar of each team, by name."""
    queues: Mapping[str, str]
    """The team that serves a queue, by the queue's id."""
    people: tuple[Member, ...]
    marketing_team: str
    sales_team: str
    segments: tuple[tuple[str, Condition], ...]
    clocks: tuple[Clock, ...]
    exceptions: tuple[Exempt, ...] = ()
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    version: str = "1"
    qualified: frozenset[str] = frozenset({"mql", "sal", "sql"})
    closing: frozenset[str] = frozenset({"recycled", "disqualified"})
    moved: dict[tuple[str, str], Hours] = field(default_factory=dict, repr=False, compare=False)

    def clock(self, name: str) -> Clock:
        """The clock of that id."""
        return next(clock for clock in self.clocks if clock.id == name)

    def person(self, crm: str) -> Member | None:
        """Whose id in the CRM this is."""
        return next((person for person in self.people if person.crm == crm), None)

    def hours_in(self, name: str, zone: str) -> Hours:
        """Hours of that name by the clocks of `zone`, the same object each time."""
        if (name, zone) not in self.moved:
            self.moved[name, zone] = self.hours[name].in_zone(zone)
        return self.moved[name, zone]


def _ends(condition: object) -> set[str]:
    if isinstance(condition, Mapping):
        here = {str(condition["ended"])} if "ended" in condition else set()
        return here.union(*(_ends(each) for each in condition.values()))
    if isinstance(condition, list | tuple):
        return set().union(*(_ends(each) for each in condition))
    return set()
