"""Stories of leads that live for some seconds, and how the news of them arrives: late, doubled, in disorder.

A story is a function of its seed and of the instant at which it begins, to the microsecond.
"""

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from shared.events import lead
from shared.events.envelope import Actor, ActorKind, Channel, Direction, Owner, OwnerKind, TimeSource
from tests.chaos.promises import LONGEST_TARGET_SECONDS, QUEUE
from tests.support.oracle.cases import PEOPLE

SOURCE = "crm"
OWNERS: tuple[Owner | None, ...] = (
    *(Owner(kind=OwnerKind.USER, id=each) for each in PEOPLE),
    *(Owner(kind=OwnerKind.USER, id=each) for each in PEOPLE),
    Owner(kind=OwnerKind.USER, id="stranger"),
    Owner(kind=OwnerKind.QUEUE, id=QUEUE),
    Owner(kind=OwnerKind.QUEUE, id=QUEUE),
    None,
)
LAST_NEWS_SECONDS = 22.0
"""After its beginning no story has news: the latest event, and the longest delay."""


class News(NamedTuple):
    """An event, and when its sender tells it."""

    at: dt.datetime
    event: lead.LeadEvent


def story(seed: int, number: int, begins: dt.datetime) -> list[News]:
    """One lead's news in the order in which they are told."""
    dice = random.Random(f"{seed}/{number}")
    return sorted(_told(list(_happened(dice, number, begins)), dice), key=lambda news: news.at)


def _told(events: list[lead.LeadEvent], dice: random.Random) -> Iterator[News]:
    for event in events:
        happened = max(event.occurred_at, event.at)
        for _ in range(dice.choices((1, 2, 3), (80, 15, 5))[0]):
            at = happened + dt.timedelta(seconds=_delay_seconds(dice))
            yield News(at, msgspec.structs.replace(event, received_at=at))


def _delay_seconds(dice: random.Random) -> float:
    """In time mostly; or late, also after the deadline; rarely early, where a sender's clock runs ahead."""
    late = dice.choices(("now", "soon", "late", "very late", "early"), (70, 12, 10, 5, 3))[0]
    match late:
        case "now":
            return dice.uniform(0, 0.05)
        case "soon":
            return dice.uniform(0, 1.5)
        case "late":
            return dice.uniform(1, 5)
        case "very late":
            return dice.uniform(5, 10)
        case _:
            return -dice.uniform(0, 2)


def _happened(dice: random.Random, number: int, begins: dt.datetime) -> Iterator[lead.LeadEvent]:
    """A believable beginning mostly, then anything; what matters near the deadlines of the clocks."""
    make = _Maker(dice, number)
    yield make(lead.LeadCreated, begins, attributes={"name": f"Lead {number}", "size": dice.choice((10, 1000))})
    qualified = begins if dice.random() < 0.8 else begins + _seconds(dice, 2)
    yield make(lead.LeadStageChanged, qualified, stage="mql", raw_stage="mql")
    at = qualified
    if dice.random() < 0.85:
        at = qualified + _seconds(dice, 6)
        yield make(lead.LeadAssigned, at, owner=dice.choice(OWNERS))
    if dice.random() < 0.7:
        near = dice.choice((0.5, 2.0, LONGEST_TARGET_SECONDS - 0.5, LONGEST_TARGET_SECONDS, LONGEST_TARGET_SECONDS + 1))
        yield make.touch(at + dt.timedelta(seconds=near) + _microseconds(dice))
    for _ in range(dice.choices((0, 1, 2, 4), (50, 25, 15, 10))[0]):
        at = min(at + _seconds(dice, 4), begins + dt.timedelta(seconds=LAST_NEWS_SECONDS - 10))
        yield make.anything(at)


def _seconds(dice: random.Random, most: float) -> dt.timedelta:
    return dt.timedelta(microseconds=round(dice.uniform(0, most) * 1_000_000))


def _microseconds(dice: random.Random) -> dt.timedelta:
    return dt.timedelta(microseconds=dice.choice((-1, 0, 0, 1, dice.randrange(200_000))))


class _Maker:
    """Makes the events of one lead."""

    def __init__(self, dice: random.Random, number: int) -> None:
        self._dice = dice
        self._number = number
        self._made = 0

    def __call__(self, kind: Any, at: dt.datetime, **said: object) -> lead.LeadEvent:  # noqa: ANN401 - any event's type
        self._made += 1
        event: lead.LeadEvent = kind(
            id=f"{self._number}-{self._made}",
            source=SOURCE,
            account="acc",
            lead=f"{SOURCE}:acc:{self._number}",
            occurred_at=at,
            time_source=TimeSource.EVENT,
            received_at=at,
            raw_id="raw",
            **said,
        )
        return event

    def touch(self, at: dt.datetime) -> lead.LeadEvent:
        """A touch of any kind; most count."""
        dice = self._dice
        by = dice.choices((ActorKind.USER, ActorKind.AUTOMATION), (9, 1))[0]
        return self(
            lead.TouchLogged,
            at + dt.timedelta(seconds=dice.choice((0, 0, 1))),
            touch=f"t{dice.randrange(1000)}",
            channel=dice.choices((Channel.CALL, Channel.EMAIL, Channel.NOTE), (6, 3, 1))[0],
            direction=dice.choices((Direction.OUTBOUND, Direction.INBOUND), (8, 2))[0],
            performed_at=at,
            performed_by=Actor(kind=by, id=dice.choice((*PEOPLE, "stranger"))),
            completed=dice.random() < 0.9,
        )

    def anything(self, at: dt.datetime) -> lead.LeadEvent:
        """Whatever else happens to leads."""
        dice = self._dice
        stage = dice.choice(("mql", "sal", "nurture"))
        choices: tuple[tuple[int, type, dict[str, object]], ...] = (
            (30, lead.LeadAssigned, {"owner": dice.choice(OWNERS)}),
            (20, lead.LeadStageChanged, {"stage": stage, "raw_stage": stage}),
            (5, lead.LeadRejected, {"reason": "no fit"}),
            (3, lead.LeadAccepted, {}),
            (8, lead.LeadDisposed, {"disposition": dice.choice(("recycled", "disqualified"))}),
            (2, lead.LeadDeleted, {}),
        )
        if dice.random() < 0.4:
            return self.touch(at)
        _, kind, said = dice.choices(choices, [weight for weight, _, _ in choices])[0]
        return self(kind, at, **said)
