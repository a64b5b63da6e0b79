"""Random agreements and random histories, each a function of its seed, near the days on which clocks are changed."""

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass

from shared.events import lead
from shared.events.envelope import Actor, ActorKind, Channel, Direction, Owner, OwnerKind, TimeSource
from tests.support.oracle.paper import Paper, Person, Promise, Warn
from tests.support.oracle.verdicts import Answer, answers
from tests.support.oracle.wall_clock import Grid, Hours, Range

MICROSECOND = dt.timedelta(microseconds=1)
DAYS_OF_STORY = 6
DAYS_BEFORE, DAYS_AFTER = 4, 75

SCENES = (
    ("America/New_York", dt.date(2025, 3, 9)),
    ("America/New_York", dt.date(2025, 11, 2)),
    ("Europe/Paris", dt.date(2025, 3, 30)),
    ("Europe/Paris", dt.date(2025, 10, 26)),
    ("Australia/Lord_Howe", dt.date(2025, 4, 6)),
    ("Australia/Lord_Howe", dt.date(2025, 10, 5)),
    ("America/St_Johns", dt.date(2025, 3, 9)),
    ("America/St_Johns", dt.date(2025, 11, 2)),
    ("Africa/Cairo", dt.date(2024, 4, 26)),
    ("Africa/Cairo", dt.date(2024, 10, 31)),
    ("America/Santiago", dt.date(2025, 9, 7)),
    ("Pacific/Apia", dt.date(2011, 12, 30)),
    ("Asia/Kathmandu", dt.date(2026, 1, 1)),
    ("UTC", dt.date(2026, 6, 10)),
)
"""Zones, and the days on which their clocks were changed (the last two: never)."""

CROSS_ZONES = ("America/New_York", "Europe/Paris", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Tokyo", "UTC")
PEOPLE = ("u1", "u2", "u3", "u4")
OWNERS: tuple[Owner | None, ...] = (
    *(Owner(kind=OwnerKind.USER, id=each) for each in PEOPLE),
    Owner(kind=OwnerKind.USER, id="stranger"),
    Owner(kind=OwnerKind.QUEUE, id="q1"),
    Owner(kind=OwnerKind.QUEUE, id="q2"),
    Owner(kind=OwnerKind.TEAM, id="q9"),
    None,
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """An agreement, a history, and the instants at which it is judged."""

    seed: int
    paper: Paper
    events: tuple[lead.LeadEvent, ...]
    nows: tuple[dt.datetime, ...]
    grid: Grid
    base: dt.date


def case(seed: int) -> Case:
    """The case of this seed."""
    dice = random.Random(seed)
    zone, change = dice.choice(SCENES)
    base = change - dt.timedelta(days=dice.randrange(4))
    paper = _paper(dice, zone, base)
    start = dt.datetime.combine(base, dt.time(), dt.UTC)
    grid = Grid(start - dt.timedelta(days=DAYS_BEFORE), start + dt.timedelta(days=DAYS_AFTER), 15)
    story = Story(dice, start)
    story.tell()
    last = start + dt.timedelta(days=DAYS_OF_STORY)
    if dice.random() < 0.7:
        story.aim(_marks(answers(story.events, paper, last, grid)))
    marks = _marks(answers(story.events, paper, last, grid))
    nows = [dice.choice(marks) + dice.choice((-1, 0, 1)) * MICROSECOND for _ in range(2)] if marks else []
    nows += [start + dt.timedelta(minutes=dice.randrange(DAYS_OF_STORY * 24 * 60)), last]
    return Case(seed=seed, paper=paper, events=tuple(story.events), nows=tuple(nows), grid=grid, base=base)


def _marks(found: Sequence[Answer]) -> list[dt.datetime]:
    """The instants at which something changes."""
    return [
        at
        for answer in found
        for at in (answer.started, answer.deadline, answer.stopped, *(at for _, at in answer.warnings))
        if at is not None
    ]


def _paper(dice: random.Random, zone: str, base: dt.date) -> Paper:
    names = ("one", "two", "three")
    hours = {
        name: random_hours(dice, name, zone if name == "one" or dice.random() < 0.5 else dice.choice(CROSS_ZONES), base)
        for name in names
    }
    people = []
    for each in PEOPLE:
        own = dice.choice((None, None, dice.choice(names)))
        moved = dice.choice((None, dice.choice(CROSS_ZONES)))
        people.append(Person(id=f"p{each}", crm=each, team=dice.choice(("red", "blue")), zone=moved, hours=own))
    return Paper(
        zone=zone,
        hours=hours,
        default_hours="one",
        teams={"red": dice.choice(names), "blue": dice.choice(names), "green": dice.choice(names)},
        queues={"q1": "red", "q2": "blue"},
        people=tuple(people),
        marketing_team="green",
        sales_team="red",
        segments=(("huge", 1000), ("big", 250)),
        handoff=_promise(dice, "handoff", names),
        first_touch=_promise(dice, "first_touch", names),
    )


def _promise(dice: random.Random, clock: str, names: Sequence[str]) -> Promise:
    targets: dict[str, int | None] = {"default": _target(dice)}
    for segment in ("huge", "big"):
        if dice.random() < 0.5:
            targets[segment] = dice.choice((None, _target(dice), _target(dice)))
    least = min(minutes for minutes in targets.values() if minutes is not None)
    warnings = [Warn(percent=percent) for percent in (50, 75, 90) if dice.random() < 0.4]
    if least > 10 and dice.random() < 0.4:
        warnings.append(Warn(minutes_left=10))
    return Promise(
        clock=clock,
        targets=targets,
        calendar=dice.choice(("team", "team", "owner", "owner", "always", names[1])),
        warnings=tuple(warnings),
        settle_seconds=dice.choice((0, 30, 600)),
        restart=clock == "first_touch" and dice.random() < 0.4,
        by_owner=clock == "first_touch" and dice.random() < 0.3,
        automated_counts=clock == "first_touch" and dice.random() < 0.1,
        channels=(Channel.CALL, Channel.EMAIL) if dice.random() < 0.2 else Promise.channels,
        directions=(Direction.OUTBOUND, Direction.INBOUND) if dice.random() < 0.1 else Promise.directions,
        cancelled_by_rejection=dice.random() < 0.8,
    )


def _target(dice: random.Random) -> int:
    return dice.choice((0, 15, 30, 60, 90, 240, 480, 960, dice.randrange(1, 600), dice.randrange(1, 600)))


def random_hours(dice: random.Random, name: str, zone: str, base: dt.date) -> Hours:
    near = [base + dt.timedelta(days=day) for day in range(-2, 9)]
    return Hours(
        name=name,
        zone=zone,
        week=_week(dice),
        days_off=frozenset(day for day in near if dice.random() < 0.1),
        closed=_closed(dice, base) if dice.random() < 0.2 else (),
        closes_early={day: dice.choice((10 * 60, 12 * 60, 13 * 60 + 15)) for day in near if dice.random() < 0.05},
    )


def _closed(dice: random.Random, base: dt.date) -> tuple[tuple[dt.datetime, dt.datetime], ...]:
    start = dt.datetime.combine(base, dt.time()) + dt.timedelta(minutes=15 * dice.randrange(7 * 96))
    return ((start, start + dt.timedelta(minutes=15 * dice.randrange(1, 120))),)


def _week(dice: random.Random) -> dict[int, tuple[Range, ...]]:
    match dice.randrange(6):
        case 0:
            return dict.fromkeys(range(7), ((0, 1440),))
        case 1:  # nights, some of them at the hours at which clocks are changed
            opens, closes = dice.choice(((1320, 360), (1410, 150), (1380, 60), (1395, 0), (1200, 1440)))
            return {day: ((opens, closes),) for day in range(7) if day in {0, 3, 5, 6} or dice.random() < 0.7}
        case 2:  # the small hours of the day
            opens, closes = dice.choice(((0, 60), (15, 75), (60, 120), (90, 150), (105, 180), (120, 240), (135, 165)))
            extra = ((300, 420),) if dice.random() < 0.5 else ()
            return dict.fromkeys(range(7), ((opens, closes), *extra))
        case 3:
            return dict.fromkeys(range(5), ((540, 1020),))
        case 4:
            return {dice.randrange(7): ((480, 1200),)}
        case _:
            return {day: _ranges(dice) for day in range(7) if day == 1 or dice.random() < 0.7}


def _ranges(dice: random.Random) -> tuple[Range, ...]:
    marks = sorted(dice.sample(range(5 * 4, 24 * 4 + 1), 2 * dice.choice((1, 2, 3))))
    return ((240, 300), *((15 * opens, 15 * closes) for opens, closes in zip(marks[::2], marks[1::2], strict=True)))


class Story:
    """Makes up what happened to a lead."""

    lengths: tuple[int, ...] = (0, 1, 3, 6, 10)

    def __init__(self, dice: random.Random, start: dt.datetime) -> None:
        self._dice = dice
        self._start = start
        self.events: list[lead.LeadEvent] = []

    def tell(self) -> None:
        """A believable beginning mostly, then anything."""
        at = self._start + dt.timedelta(minutes=15 * self._dice.randrange(2 * 96))
        if self._dice.random() < 0.9:
            self._add(lead.LeadCreated, at, attributes=self._attributes())
        if self._dice.random() < 0.8 or not self.events:
            self._add(lead.LeadStageChanged, at, stage="mql", raw_stage="mql")
        if self._dice.random() < 0.6:
            at = self._next(at)
            self._add(lead.LeadAssigned, at, owner=self._dice.choice(OWNERS))
        for _ in range(self._dice.choice(self.lengths)):
            at = self._next(at)
            self._anything(at)

    def aim(self, at: Sequence[dt.datetime]) -> None:
        """Add something at an instant that matters, or a microsecond beside it."""
        last = self._start + dt.timedelta(days=DAYS_OF_STORY)
        marks = [mark for mark in at if mark < last]
        for _ in range(self._dice.choice((1, 1, 2))):
            if marks:
                self._anything(self._dice.choice(marks) + self._dice.choice((-1, 0, 0, 1)) * MICROSECOND)

    def _next(self, at: dt.datetime) -> dt.datetime:
        match self._dice.randrange(5):
            case 0:
                return at
            case 1:
                return at + dt.timedelta(seconds=self._dice.randrange(3 * 3600))
            case 2:
                return at + dt.timedelta(minutes=self._dice.randrange(60))
            case _:
                return at + dt.timedelta(minutes=15 * self._dice.randrange(96))

    def _anything(self, at: dt.datetime) -> None:
        dice = self._dice
        stage = dice.choices(("mql", "sal", "sql", "nurture", "lead"), (6, 1, 1, 3, 1))[0]
        disposition = dice.choice(("recycled", "disqualified", "qualified", "other"))
        choices: tuple[tuple[int, type, dict[str, object]], ...] = (
            (30, lead.TouchLogged, {}),
            (25, lead.LeadStageChanged, {"stage": stage, "raw_stage": stage}),
            (35, lead.LeadAssigned, {"owner": dice.choice(OWNERS)}),
            (5, lead.LeadRejected, {"reason": "no fit"}),
            (3, lead.LeadAccepted, {}),
            (5, lead.LeadDisposed, {"disposition": disposition}),
            (5, lead.LeadAttributesChanged, {"attributes": self._attributes()}),
            (2, lead.LeadConverted, {"contact": "c1"}),
            (2, lead.LeadDeleted, {}),
            (1, lead.LeadMerged, {"into": "lead-2"}),
            (2, lead.LeadCreated, {"attributes": self._attributes()}),
        )
        _, kind, said = dice.choices(choices, [weight for weight, _, _ in choices])[0]
        if kind is lead.TouchLogged:
            self._touch(at)
        else:
            self._add(kind, at, **said)

    def _touch(self, at: dt.datetime) -> None:
        dice = self._dice
        key = f"t{dice.randrange(1000)}"
        told = at + dt.timedelta(minutes=dice.choice((0, 0, 5, 300)))
        if dice.random() < 0.2:  # planned first, for another time
            planned = at + dt.timedelta(minutes=15 * dice.randrange(-8, 8))
            before = min(at, planned) - dt.timedelta(hours=dice.choice((0, 1, 20)))
            self._add(lead.TouchLogged, before, **self._deed(key, planned, completed=False))
            told = max(told, before + MICROSECOND)
            if dice.random() < 0.3:
                return
        self._add(lead.TouchLogged, told, **self._deed(key, at, completed=dice.random() < 0.9))
        if dice.random() < 0.1:  # corrected later
            self._add(lead.TouchLogged, told + dt.timedelta(minutes=7), **self._deed(key, at, completed=True))

    def _deed(self, key: str, at: dt.datetime, *, completed: bool) -> dict[str, object]:
        dice = self._dice
        by = dice.choices((ActorKind.USER, ActorKind.AUTOMATION, ActorKind.INTEGRATION), (8, 1, 1))[0]
        return {
            "touch": key,
            "channel": dice.choices(list(Channel), (5, 5, 2, 2, 1, 1, 1))[0],
            "direction": dice.choices(list(Direction), (7, 2, 1))[0],
            "performed_at": at,
            "performed_by": Actor(kind=by, id=dice.choice((*PEOPLE, "stranger"))) if dice.random() < 0.9 else None,
            "completed": completed,
            "automated": dice.random() < 0.1,
        }

    def _attributes(self) -> dict[str, lead.Scalar]:
        return {"size": self._dice.choice((10, 250, 300, 1000, 5000))} if self._dice.random() < 0.8 else {"other": 1}

    def _add(self, kind: type, at: dt.datetime, **said: object) -> None:
        self.events.append(
            kind(
                id=f"{self._dice.getrandbits(64):016x}",
                source="crm",
                account="a",
                lead="lead-1",
                occurred_at=at,
                time_source=TimeSource.EVENT,
                received_at=at + dt.timedelta(seconds=2),
                raw_id="r",
                **said,
            )
        )
