"""An agreement in its plainest form, and the same as the text of an agreement file."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.events.envelope import Channel, Direction
from tests.support.oracle.wall_clock import Hours

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MARKETING = "marketing"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who may own leads; `zone` moves the team's hours there, `hours` are the person's own, as they stand."""

    id: str
    crm: str
    team: str
    zone: str | None = None
    hours: str | None = None


@dataclass(frozen=True, kw_only=True)
class Warn:
    """A warning: after a share of the target (percent), or with so many minutes left."""

    percent: int | None = None
    minutes_left: int | None = None

    @property
    def text(self) -> str:
        """As the agreement writes it."""
        return f"{self.percent}%" if self.percent is not None else f"{self.minutes_left}m left"

    def used(self, target: dt.timedelta) -> dt.timedelta:
        """The business time after which it is due."""
        if self.percent is not None:
            return target * self.percent / 100
        return target - dt.timedelta(minutes=self.minutes_left or 0)


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One clock. `targets` in minutes, or parts of them; None: nothing is promised. `calendar`: team, owner, always, or
    a name.
    """

    clock: str
    targets: Mapping[str, float | None]
    calendar: str
    warnings: tuple[Warn, ...]
    settle_seconds: int
    restart: bool = False
    by_owner: bool = False
    automated_counts: bool = False
    channels: tuple[Channel, ...] = (Channel.CALL, Channel.EMAIL, Channel.MEETING, Channel.MESSAGE)
    directions: tuple[Direction, ...] = (Direction.OUTBOUND,)
    cancelled_by_rejection: bool = True


@dataclass(frozen=True, kw_only=True)
class Paper:
    """The whole agreement. `segments` are thresholds on the attribute `size`, in the order of the file."""

    zone: str
    hours: Mapping[str, Hours]
    default_hours: str
    teams: Mapping[str, str]
    """The calendar of each team, by name."""
    queues: Mapping[str, str]
    """The team that serves a queue, by the queue's id."""
    people: tuple[Person, ...]
    marketing_team: str
    sales_team: str
    segments: tuple[tuple[str, int], ...]
    handoff: Promise
    first_touch: Promise
    qualified: frozenset[str] = frozenset({"mql", "sal", "sql"})
    handoff_at: frozenset[str] = frozenset({"mql"})
    closing: frozenset[str] = frozenset({"recycled", "disqualified"})
    moved: dict[tuple[str, str], Hours] = field(default_factory=dict, repr=False, compare=False)

    def promise(self, clock: str) -> Promise:
        """What is promised on a clock."""
        return self.handoff if clock == "handoff" else self.first_touch

    def hours_in(self, name: str, zone: str) -> Hours:
        """Hours of that name by the clocks of `zone`, the same object each time."""
        if (name, zone) not in self.moved:
            self.moved[name, zone] = self.hours[name].in_zone(zone)
        return self.moved[name, zone]


def as_text(paper: Paper) -> str:
    """The agreement file that says it. JSON is YAML."""
    return json.dumps(
        {
            "agreement": {"name": "Oracle", "version": "1", "timezone": paper.zone, "calendar": paper.default_hours},
            "parties": {
                "marketing": {"name": "Marketing", "team": paper.marketing_team},
                "sales": {"name": "Sales", "team": paper.sales_team},
            },
            "people": [_person(person) for person in paper.people],
            "teams": [
                {
                    "name": team,
                    "calendar": hours,
                    "members": [person.id for person in paper.people if person.team == team],
                    "queues": [queue for queue, served in paper.queues.items() if served == team],
                }
                for team, hours in paper.teams.items()
            ],
            "calendars": {name: hours_entry(hours) for name, hours in paper.hours.items()},
            "segments": [
                {"name": name, "when": {"attribute": "size", "at_least": least}} for name, least in paper.segments
            ],
            "clocks": {
                "handoff": _clock(paper.handoff),
                "first_touch": {**_clock(paper.first_touch), **_touch(paper.first_touch)},
            },
        },
        indent=1,
    )


def _person(person: Person) -> dict[str, object]:
    said: dict[str, object] = {"id": person.id, "name": person.id.title(), "crm": [person.crm]}
    if person.zone is not None:
        said["zone"] = person.zone
    if person.hours is not None:
        said["calendar"] = person.hours
    return said


def hours_entry(hours: Hours) -> dict[str, object]:
    return {
        "zone": hours.zone,
        "week": {
            WEEKDAYS[day]: [f"{_time(opens)}-{_time(closes)}" for opens, closes in ranges]
            for day, ranges in hours.week.items()
            if ranges
        },
        "holidays": {"add": [day.isoformat() for day in sorted(hours.days_off)]},
        "half_days": [
            {"on": [day.isoformat()], "closes": _time(minute)} for day, minute in sorted(hours.closes_early.items())
        ],
        "closed": [{"from": f"{start:%Y-%m-%d %H:%M}", "to": f"{end:%Y-%m-%d %H:%M}"} for start, end in hours.closed],
    }


def _clock(promise: Promise) -> dict[str, object]:
    return {
        "targets": {
            segment: "none" if minutes is None else f"{minutes}m" for segment, minutes in promise.targets.items()
        },
        "calendar": promise.calendar,
        "warnings": [warning.text for warning in promise.warnings],
        "settle": f"{promise.settle_seconds}s",
    }


def _touch(promise: Promise) -> dict[str, object]:
    return {
        "on_reassignment": "restart" if promise.restart else "continue",
        "cancelled_by_rejection": promise.cancelled_by_rejection,
        "touch": {
            "channels": [channel.value for channel in promise.channels],
            "directions": [direction.value for direction in promise.directions],
            "by": "owner" if promise.by_owner else "anyone",
            "automated": promise.automated_counts,
        },
    }


def _time(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
