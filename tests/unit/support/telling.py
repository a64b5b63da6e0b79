"""Short words for the oracle's own tests: an office, a clock, facts, a verdict."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from shared.events import lead
from shared.events.envelope import Actor, ActorKind, Channel, Direction, Owner, OwnerKind, TimeSource
from tests.support.oracle.declared import Agreement, Clock, Member, Target
from tests.support.oracle.judging import Verdict, verdicts
from tests.support.oracle.wall_clock import Grid, Hours

OFFICE = Hours(name="office", zone="UTC", week=dict.fromkeys(range(5), ((540, 1020),)))
LATE = Hours(name="late", zone="UTC", week=dict.fromkeys(range(5), ((780, 1260),)))
MAX = Owner(kind=OwnerKind.USER, id="u-max")
EVA = Owner(kind=OwnerKind.USER, id="u-eva")
QUEUE = Owner(kind=OwnerKind.QUEUE, id="q")


def utc(text: str) -> dt.datetime:
    """An instant in UTC; a bare time is of Monday, 8 January 2024."""
    return dt.datetime.fromisoformat(text if "-" in text else f"2024-01-08 {text}").replace(tzinfo=dt.UTC)


def clock(name: str = "answer", **said: Any) -> Clock:  # noqa: ANN401 - any field
    """A clock from MQL to the first touch, one business hour, in the team's hours, unless said otherwise."""
    target = said.pop("target", "60m")
    settings: dict[str, Any] = {
        "start": {"stage": ["mql"]},
        "stop": {"touch": {}},
        "targets": {"default": tuple(aim(each) for each in ([target] if isinstance(target, str) else target))},
    }
    return Clock(id=name, **{**settings, **said})


def aim(text: str) -> Target:
    """A target: `60m`, `60m wall`, `2 business days`, `1 at 10:00` (the next business day; 0: the same)."""
    match text.split():
        case [minutes]:
            return Target(kind="business", minutes=int(minutes.removesuffix("m")))
        case [minutes, "wall"]:
            return Target(kind="wall", minutes=int(minutes.removesuffix("m")))
        case [days, "business", "days"]:
            return Target(kind="days", days=int(days))
        case [days, "at", time]:
            hour, minute = time.split(":")
            return Target(kind="instant", days=int(days), minute=int(hour) * 60 + int(minute))
        case _:
            raise AssertionError(text)


def agreement(*clocks: Clock, **said: Any) -> Agreement:  # noqa: ANN401 - any field
    """An office from nine to five, UTC, with Max in it; Eva works from one to nine."""
    settings: dict[str, Any] = {
        "zone": "UTC",
        "hours": {"office": OFFICE, "late": LATE},
        "default_hours": "office",
        "teams": {"sales": "office", "evening": "late", "marketing team": "office"},
        "queues": {"q": "sales"},
        "people": (Member(id="max", crm="u-max", team="sales"), Member(id="eva", crm="u-eva", team="evening")),
        "marketing_team": "marketing team",
        "sales_team": "sales",
        "segments": (("big", {"attribute": "size", "at_least": 1000}),),
        "clocks": clocks,
    }
    return Agreement(**{**settings, **said})


class Told:
    """Facts of one lead, in the order in which they are told; their ids ascend."""

    def __init__(self) -> None:
        self.events: list[lead.LeadEvent] = []

    def add(self, kind: type, at: str, **said: Any) -> "Told":  # noqa: ANN401 - any field
        """A fact."""
        event = kind(
            id=f"e{len(self.events):03d}",
            source="crm",
            account="a",
            lead="lead-1",
            occurred_at=utc(at),
            time_source=TimeSource.EVENT,
            received_at=utc(at),
            raw_id="r",
            **said,
        )
        self.events.append(event)
        return self

    def stage(self, at: str, stage: str = "mql") -> "Told":
        """It entered a stage."""
        return self.add(lead.LeadStageChanged, at, stage=stage, raw_stage=stage)

    def owner(self, at: str, owner: Owner | None = MAX) -> "Told":
        """It has this owner now."""
        return self.add(lead.LeadAssigned, at, owner=owner)

    def knows(self, at: str, **attributes: lead.Scalar) -> "Told":
        """Attributes changed."""
        return self.add(lead.LeadAttributesChanged, at, attributes=attributes)

    def touch(self, at: str, by: Owner | None = MAX, **said: Any) -> "Told":  # noqa: ANN401 - any field
        """A call out, unless said otherwise."""
        settings: dict[str, Any] = {
            "touch": f"t{len(self.events)}",
            "channel": Channel.CALL,
            "direction": Direction.OUTBOUND,
            "performed_at": utc(at),
            "performed_by": None if by is None else Actor(kind=ActorKind.USER, id=by.id),
        }
        return self.add(lead.TouchLogged, at, **{**settings, **said})


def judged(told: Told, agreement: Agreement, now: str) -> list[Verdict]:
    """What the oracle says at `now`."""
    first = min(event.at for event in told.events).replace(hour=0, minute=0, second=0, microsecond=0)
    grid = Grid(first - dt.timedelta(days=4), first + dt.timedelta(days=40), 15)
    return verdicts(told.events, agreement, utc(now), grid)


def runs(found: Iterable[Verdict]) -> list[tuple[str, int, int, str, str]]:
    """Clock, cycle, round, state, time of starting."""
    return [(each.clock, each.cycle, each.round, each.state, f"{each.started:%H:%M}") for each in found]


def in_zone(hours: Hours, **said: Any) -> Hours:  # noqa: ANN401 - any field
    """The same hours, but for what is said."""
    return replace(hours, **said)
