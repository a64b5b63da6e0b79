"""Random agreements of declared clocks and random histories, each a function of its seed."""

import datetime as dt
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.events import lead
from tests.support.oracle.cases import (
    CROSS_ZONES,
    DAYS_AFTER,
    DAYS_BEFORE,
    DAYS_OF_STORY,
    MICROSECOND,
    PEOPLE,
    SCENES,
    Story,
    random_hours,
)
from tests.support.oracle.declared import Agreement, Clock, Condition, Exempt, Member, Target, Window
from tests.support.oracle.judging import Verdict, verdicts
from tests.support.oracle.paper import Warn
from tests.support.oracle.wall_clock import Grid

Dice = random.Random
FAR_DAYS_AFTER = 400
LONG_AFTER = dt.timedelta(days=25)
"""When all is over, or as good as."""
HELD_BY = ("owner", "owner", "owner", "owner", "marketing", "green", "blue")
BLAMES: tuple[Literal["holder_at_deadline", "longest_holder", "first_holder"], ...] = (
    "holder_at_deadline",
    "longest_holder",
    "first_holder",
)


@dataclass(frozen=True, kw_only=True)
class Invention:
    """An agreement, a history, and the instants at which it is judged."""

    seed: int
    agreement: Agreement
    events: tuple[lead.LeadEvent, ...]
    nows: tuple[dt.datetime, ...]
    grid: Grid
    base: dt.date


def invention(seed: int) -> Invention:
    """The case of this seed."""
    try:
        return _invention(seed, DAYS_AFTER)
    except IndexError:  # some hours are so short that a deadline lies further ahead
        return _invention(seed, FAR_DAYS_AFTER)


def _invention(seed: int, days_after: int) -> Invention:
    dice = Dice(f"declared {seed}")
    zone, change = dice.choice(SCENES)
    base = change - dt.timedelta(days=dice.randrange(4))
    start = dt.datetime.combine(base, dt.time(), dt.UTC)
    last = start + dt.timedelta(days=DAYS_OF_STORY)
    grid = Grid(start - dt.timedelta(days=DAYS_BEFORE), start + dt.timedelta(days=days_after), 15)
    agreement = random_agreement(dice, zone, base)
    story = Happenings(dice, start)
    story.tell()
    if dice.random() < 0.7:
        story.aim(marks(verdicts(story.events, agreement, last, grid)))
    found = marks(verdicts(story.events, agreement, last, grid))
    nows = [dice.choice(found) + dice.choice((-1, 0, 1)) * MICROSECOND] if found else []
    nows += [start + dt.timedelta(minutes=dice.randrange(DAYS_OF_STORY * 24 * 60)), last]
    verdicts(story.events, agreement, last + LONG_AFTER, grid)  # within the grid
    return Invention(seed=seed, agreement=agreement, events=tuple(story.events), nows=tuple(nows), grid=grid, base=base)


def marks(found: Sequence[Verdict]) -> list[dt.datetime]:
    """The instants at which something changes."""
    return [
        at
        for each in found
        for at in (each.started, each.deadline, each.stopped, *(at for _, at in each.warnings))
        if at is not None
    ]


def random_agreement(dice: Dice, zone: str, base: dt.date) -> Agreement:
    """An agreement with one to four clocks."""
    names = ("one", "two", "three")
    hours = {
        name: random_hours(dice, name, zone if name == "one" or dice.random() < 0.5 else dice.choice(CROSS_ZONES), base)
        for name in names
    }
    clocks = _clocks(dice, names)
    return Agreement(
        zone=zone,
        hours=hours,
        default_hours="one",
        teams={"red": dice.choice(names), "blue": dice.choice(names), "green": dice.choice(names)},
        queues={"q1": "red", "q2": "blue"},
        people=tuple(_member(dice, each, names, base) for each in PEOPLE),
        marketing_team="green",
        sales_team="red",
        segments=(
            ("huge", {"attribute": "size", "at_least": 1000}),
            (
                "big",
                {"all": [{"attribute": "size", "more_than": 200}, {"not": {"attribute": "waiting", "equals": True}}]},
            ),
        ),
        clocks=tuple(clocks),
        exceptions=tuple(random_exception(dice, clocks, base) for _ in range(dice.choice((0, 0, 1, 2)))),
        first_day=base + dt.timedelta(days=dice.randrange(-2, 3)) if dice.random() < 0.1 else None,
        last_day=base + dt.timedelta(days=dice.randrange(3, 8)) if dice.random() < 0.1 else None,
    )


def _member(dice: Dice, crm: str, names: Sequence[str], base: dt.date) -> Member:
    return Member(
        id=f"p{crm}",
        crm=crm,
        team=dice.choice(("red", "blue")),
        zone=dice.choice((None, dice.choice(CROSS_ZONES))),
        hours=dice.choice((None, None, dice.choice(names))),
        absences=tuple(random_absence(dice, base) for _ in range(dice.choice((0, 0, 1, 2)))),
    )


def random_absence(dice: Dice, base: dt.date) -> Window:
    """Some whole days, or some quarter hours."""
    if dice.random() < 0.5:
        return _window(dice, base, longest=20)
    start = dt.datetime.combine(base + dt.timedelta(days=dice.randrange(-1, 7)), dt.time())
    return start, start + dt.timedelta(days=dice.choice((1, 1, 2, 4)))


def _window(dice: Dice, base: dt.date, longest: int) -> Window:
    """Some quarter hours, never both ends at midnight: that is how whole days are told apart."""
    start = dt.datetime.combine(base, dt.time()) + dt.timedelta(minutes=15 * dice.randrange(7 * 96))
    end = start + dt.timedelta(minutes=15 * dice.randrange(1, 4 * longest))
    if start.time() == end.time() == dt.time():
        end += dt.timedelta(minutes=15)
    return start, end


def random_exception(dice: Dice, clocks: Sequence[Clock], base: dt.date) -> Exempt:
    """An exception, for all or for some."""
    return Exempt(
        window=_window(dice, base, longest=48),
        effect=dice.choice(("pause", "excuse")),
        clocks=(dice.choice(clocks).id,) if dice.random() < 0.2 else (),
        teams=tuple(dice.sample(("red", "blue", "green"), 2)) if dice.random() < 0.3 else (),
        sources=(dice.choice(("crm", "other")),) if dice.random() < 0.1 else (),
        segments=(dice.choice(("huge", "default")),) if dice.random() < 0.1 else (),
    )


def _clocks(dice: Dice, names: Sequence[str]) -> list[Clock]:
    clocks: list[Clock] = []
    for number in range(dice.choice((1, 2, 3, 4, 5))):
        before = [clock.id for clock in clocks]
        clocks.append(random_clock(dice, f"clock_{number}", names, before))
    dice.shuffle(clocks)
    return clocks


def random_clock(dice: Dice, name: str, names: Sequence[str], before: Sequence[str]) -> Clock:
    """A clock that may wait for one of those before it."""
    ask = Questions(dice)
    per: Literal["stay", "lead"] = dice.choice(("stay", "stay", "lead"))
    ended: Condition | None = {"ended": dice.choice(before)} if before else None
    start = ended if ended is not None and dice.random() < 0.5 else ask.start()
    pause, resume = (None, None) if dice.random() < 0.5 else ask.pause()
    calendar = dice.choice(("team", "team", "owner", "owner", "always", names[1]))
    targets = _targets(dice, names)
    return Clock(
        id=name,
        per=per,
        start=start,
        stop=ask.stop() if ended is None or dice.random() < 0.9 else ended,
        reset=ask.reset() if dice.random() < 0.3 else None,
        cancel=ask.cancel() if dice.random() < 0.4 else None,
        pause=pause,
        resume=resume,
        times=dice.choice((None, None, 1, 2, 3, 6)),
        held_by=dice.choice(HELD_BY),
        calendar=calendar,
        targets=targets,
        warnings=_warnings(dice, targets),
        restart=dice.random() < 0.3,
        blame=dice.choice(BLAMES),
        settle_seconds=dice.choice((0, 30, 600)),
    )


def _warnings(dice: Dice, targets: dict[str, tuple[Target, ...]]) -> tuple[Warn, ...]:
    warnings = [Warn(percent=percent) for percent in (50, 75, 90) if dice.random() < 0.3]
    every = [target for several in targets.values() for target in several]
    if all(each.kind in {"business", "wall"} and each.minutes > 10 for each in every) and dice.random() < 0.4:
        warnings.append(Warn(minutes_left=10))
    return tuple(warnings)


def _targets(dice: Dice, names: Sequence[str]) -> dict[str, tuple[Target, ...]]:
    targets = {"default": _several(dice, names, dice.choice((1, 1, 1, 2, 3)))}
    for segment in ("huge", "big"):
        if dice.random() < 0.4:
            targets[segment] = () if dice.random() < 0.3 else _several(dice, names, 1)
    return targets


def _several(dice: Dice, names: Sequence[str], number: int) -> tuple[Target, ...]:
    calendar = dice.choice(("always", "team", "owner", *names)) if dice.random() < 0.15 else None
    return tuple(_target(dice, calendar) for _ in range(number))


def _target(dice: Dice, calendar: str | None) -> Target:
    kind: Literal["business", "wall", "days", "instant"] = dice.choices(
        ("business", "wall", "days", "instant"), (6, 2, 1, 3)
    )[0]
    match kind:
        case "business":
            minutes = dice.choice((0, 15, 30, 60, 90, 240, 480, 960, dice.randrange(1, 600), dice.randrange(1, 600)))
            return Target(kind=kind, minutes=minutes, calendar=calendar)
        case "wall":
            return Target(
                kind=kind, minutes=dice.choice((15, 60, 240, 1440, dice.randrange(1, 3000))), calendar=calendar
            )
        case "days":
            return Target(kind=kind, days=dice.choice((1, 1, 2)), calendar=calendar)
        case "instant":
            minute = dice.choice((600, 720, 1020, 0, 90, 120, 150, 15 * dice.randrange(96)))
            return Target(kind=kind, days=dice.choice((0, 1, 1, 2)), minute=minute, calendar=calendar)


class Questions:
    """Makes up conditions."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    def start(self) -> Condition:
        """Something that lets a run begin."""
        if self._dice.random() < 0.7:
            return self._one_of(
                lambda: {"stage": ["mql"]},
                lambda: {"qualified": True},
                lambda: {"qualified": True, "owner_kind": "person"},
                lambda: {"event": ["lead.stage_changed", "lead.assigned", "touch.logged"]},
                lambda: {"touch": {}},
            )
        return self._one_of(
            lambda: {"stage": ["mql"]},
            lambda: {"qualified": True, "owner_kind": "person"},
            lambda: {"qualified": True},
            lambda: {"all": [self._state(), self._state()]},
            lambda: {"any": [self._state(), self._fact()]},
            lambda: {"all": [self._fact(), {"not": self._state()}]},
            self._state,
            self._fact,
            lambda: {**self._fact(), "count": self._dice.choice((2, 3))},
            lambda: {"event": "lead.accepted"},
            lambda: {"event": ["deal.won", "deal.created"]},
        )

    def stop(self) -> Condition:
        """Something that ends it."""
        return self._one_of(
            self._touch,
            self._touch,
            lambda: {**self._touch(), "count": self._dice.choice((2, 3))},
            lambda: {"any": [{**self._touch(), "count": 3}, {"touch": {"outcome": ["connected"]}}]},
            lambda: {"owner_kind": "person"},
            lambda: {"event": ["lead.accepted", "lead.rejected"]},
            lambda: {"fields": {"disposition": ["Qualified", "disqualified", "recycled"]}},
            lambda: {"stage": ["sal", "sql"]},
            lambda: {"not": {"stage": ["mql"]}},
            lambda: {"event": ["deal.won", "deal.created", "deal.stage_changed"]},
            lambda: {"any": [self._state(), self._fact()]},
            lambda: {"all": [self._fact(), self._state()]},
        )

    def reset(self) -> Condition:
        """Something that ends one run and begins the next."""
        return self._one_of(self._touch, self._fact, lambda: {**self._fact(), "count": 2})

    def cancel(self) -> Condition:
        """Something by which the promise no longer applies."""
        return self._one_of(
            lambda: {"event": "lead.rejected"},
            lambda: {"event": ["deal.reopened", "deal.lost"]},
            lambda: {"not": {"qualified": True}},
            self._state,
            self._fact,
        )

    def pause(self) -> tuple[Condition, Condition | None]:
        """Something that halts it, and what lets it go on, if that is said."""
        by_state = self._one_of(
            lambda: {"attribute": "waiting", "equals": True},
            lambda: {"stage": ["sal"]},
            lambda: {"owner_kind": ["queue", "nobody"]},
            lambda: {"not": {"stage": ["mql"]}},
            self._state,
        )
        by_fact = self._one_of(
            lambda: {"touch": {"directions": ["inbound"]}},
            lambda: {**self._fact(), "count": 2},
            lambda: {"all": [self._state(), self._fact()]},
            self._fact,
        )
        resume = self._one_of(lambda: {"attribute": "waiting", "equals": False}, self._touch, self._state, self._fact)
        if self._dice.random() < 0.4:
            return by_fact, resume
        return by_state, None

    def _state(self) -> Condition:
        return self._one_of(
            lambda: {"stage": [self._dice.choice(("mql", "sal", "sql", "nurture"))]},
            lambda: {"qualified": True},
            lambda: {"owner_kind": self._dice.choice(("person", "queue", "team", "nobody"))},
            lambda: {"owner_kind": ["queue", "nobody"]},
            lambda: {"team": [self._dice.choice(("red", "blue"))]},
            lambda: {"owner": [self._dice.choice(("pu1", "pu2"))]},
            lambda: {"attribute": "size", "at_least": 300},
            lambda: {"attribute": "waiting", "exists": True},
            lambda: {"attribute": "waiting", "equals": True},
        )

    def _fact(self) -> Condition:
        return self._one_of(
            self._touch,
            lambda: {"event": ["lead.accepted", "lead.rejected"]},
            lambda: {"event": "lead.assigned"},
            lambda: {"event": "lead.stage_changed", "fields": {"stage": ["MQL", "sal"]}},
            lambda: {"event": ["deal.created", "deal.won", "deal.reopened"]},
            lambda: {"event": "touch.logged"},
            lambda: {"fields": {"outcome": ["Connected"]}},
            lambda: {"fields": {"channel": ["call", "note"], "completed": [True]}},
            lambda: {"fields": {"disposition": ["qualified"]}},
            lambda: {"event": "lead.attributes_changed"},
        )

    def _touch(self) -> Condition:
        said: dict[str, object] = {}
        dice = self._dice
        if dice.random() < 0.3:
            said["channels"] = dice.choice((["call", "email"], ["meeting"], ["call", "note", "task"]))
        if dice.random() < 0.2:
            said["directions"] = dice.choice((["inbound"], ["outbound", "inbound"]))
        if dice.random() < 0.3:
            said["by"] = dice.choice(("anyone", "owner", {"people": ["pu1", "pu2"]}, {"team": ["red"]}))
        if dice.random() < 0.1:
            said["automated"] = True
        if dice.random() < 0.1:
            said["outcome"] = ["connected"]
        return {"touch": said}

    def _one_of(self, *several: Callable[[], Condition]) -> Condition:
        return self._dice.choice(several)()


class Happenings(Story):
    """What may happen to a lead and its deals."""

    lengths = (1, 3, 6, 10, 14)

    def _anything(self, at: dt.datetime) -> None:
        dice = self._dice
        if dice.random() < 0.75:
            super()._anything(at)
            return
        choices: tuple[tuple[int, type, dict[str, object]], ...] = (
            (4, lead.LeadAccepted, {}),
            (2, lead.LeadDisposed, {"disposition": "qualified"}),
            (4, lead.LeadAttributesChanged, {"attributes": {"waiting": dice.random() < 0.5}}),
            (2, lead.DealCreated, {"deal": "d1", "stage": "open"}),
            (2, lead.DealStageChanged, {"deal": "d1", "stage": "sal", "raw_stage": "sal"}),
            (3, lead.DealWon, {"deal": "d1"}),
            (2, lead.DealLost, {"deal": "d1", "reason": "price"}),
            (2, lead.DealReopened, {"deal": "d1"}),
        )
        _, kind, said = dice.choices(choices, [weight for weight, _, _ in choices])[0]
        self._add(kind, at, **said)

    def _deed(self, key: str, at: dt.datetime, *, completed: bool) -> dict[str, object]:
        outcome = self._dice.choice((None, None, "connected", "Connected", "no answer"))
        return {**super()._deed(key, at, completed=completed), "outcome": outcome}

    def _attributes(self) -> dict[str, lead.Scalar]:
        said = super()._attributes()
        return {**said, "waiting": self._dice.random() < 0.5} if self._dice.random() < 0.3 else said
