"""What happens to the demo's leads: plots told in seconds, in an order that a seed decides.

Targets in `agreement.yaml`: 20 s from MQL to an owner who is a person, 30 s from there to the first touch.
Pure: the same seed and number give the same story, so that a demo started again goes on with the next one.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.demo.cast import COMPANIES, FIRST_NAMES, LAST_NAMES, PEOPLE, QUEUE, Crm, Lead, Owner

SEED = 20
FIRST_GAP_SECONDS = 3.0
GAP_SECONDS = (5.0, 9.0)
"""Between the starts of two stories: short in the opening, then drawn from this range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The lead comes in, already qualified (MQL), owned by `owner`."""

    owner: Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """The lead goes from `before` to `owner`."""

    owner: Owner
    before: Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """`by` called the lead; `ago_seconds` before it was written down in the CRM."""

    by: Owner
    ago_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Disqualified:
    """`by` found that the lead is no fit."""

    by: Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivered:
    """The CRM sends its last request about this lead once more, as after a lost answer."""


Action = Created | Assigned | Called | Disqualified | Redelivered


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`action` happens `at_seconds` after the story's start; its webhook arrives `lag_seconds` later."""

    at_seconds: float
    action: Action
    lag_seconds: float = 0.0

    @property
    def posted_at_seconds(self) -> float:
        """When the webhook is posted, counted from the story's start."""
        return self.at_seconds + self.lag_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A lead and what happens to it; `steps` in the order in which they are posted."""

    lead: Lead
    plot: str
    steps: tuple[Step, ...]


Plot = Callable[[Owner, Owner], Sequence[Step]]


def handled_in_time(rep: Owner, _other: Owner) -> Sequence[Step]:
    """Both promises are kept."""
    return [
        Step(at_seconds=0, action=Created(owner=QUEUE)),
        Step(at_seconds=4, action=Assigned(owner=rep, before=QUEUE)),
        Step(at_seconds=15, action=Called(by=rep)),
    ]


def left_in_the_queue(rep: Owner, _other: Owner) -> Sequence[Step]:
    """Marketing's handoff is late; the salesperson then is quick."""
    return [
        Step(at_seconds=0, action=Created(owner=QUEUE)),
        Step(at_seconds=31, action=Assigned(owner=rep, before=QUEUE)),
        Step(at_seconds=40, action=Called(by=rep)),
    ]


def called_late(rep: Owner, _other: Owner) -> Sequence[Step]:
    """Handed over at once, called a quarter of a minute too late."""
    return [
        Step(at_seconds=0, action=Created(owner=rep)),
        Step(at_seconds=46, action=Called(by=rep)),
    ]


def never_called(rep: Owner, _other: Owner) -> Sequence[Step]:
    """Nobody ever looks at this lead again: it must breach all the same, on time."""
    return [
        Step(at_seconds=0, action=Created(owner=QUEUE)),
        Step(at_seconds=6, action=Assigned(owner=rep, before=QUEUE)),
    ]


def passed_on(rep: Owner, other: Owner) -> Sequence[Step]:
    """From the queue to one person to another: the delay is charged to who held the clock."""
    return [
        Step(at_seconds=0, action=Created(owner=QUEUE)),
        Step(at_seconds=5, action=Assigned(owner=rep, before=QUEUE)),
        Step(at_seconds=24, action=Assigned(owner=other, before=rep)),
        Step(at_seconds=48, action=Called(by=other)),
    ]


def call_reported_late(rep: Owner, _other: Owner) -> Sequence[Step]:
    """The call was in time, the CRM heard of it after the breach was announced: the breach is retracted."""
    return [
        Step(at_seconds=0, action=Created(owner=QUEUE)),
        Step(at_seconds=3, action=Assigned(owner=rep, before=QUEUE)),
        Step(at_seconds=43, action=Called(by=rep, ago_seconds=18)),
    ]


def sent_twice(rep: Owner, _other: Owner) -> Sequence[Step]:
    """Every webhook is delivered twice: nobody may notice."""
    return [
        Step(at_seconds=0, action=Created(owner=QUEUE)),
        Step(at_seconds=2, action=Redelivered()),
        Step(at_seconds=6, action=Assigned(owner=rep, before=QUEUE)),
        Step(at_seconds=8, action=Redelivered()),
        Step(at_seconds=20, action=Called(by=rep)),
        Step(at_seconds=22, action=Redelivered()),
    ]


def out_of_order(rep: Owner, _other: Owner) -> Sequence[Step]:
    """The call's webhook comes first, the creation last: event time decides, so both promises are kept."""
    return [
        Step(at_seconds=5, action=Called(by=rep)),
        Step(at_seconds=2, action=Assigned(owner=rep, before=QUEUE), lag_seconds=5),
        Step(at_seconds=0, action=Created(owner=QUEUE), lag_seconds=9),
    ]


def no_fit(rep: Owner, _other: Owner) -> Sequence[Step]:
    """The salesperson disqualifies the lead before calling it: the promise is cancelled."""
    return [
        Step(at_seconds=0, action=Created(owner=rep)),
        Step(at_seconds=12, action=Disqualified(by=rep)),
    ]


PLOTS: tuple[Plot, ...] = (
    left_in_the_queue,
    called_late,
    handled_in_time,
    passed_on,
    call_reported_late,
    never_called,
    sent_twice,
    out_of_order,
    no_fit,
)
"""In the order of the opening: the first two bring a warning within 20 s and a breach within a minute."""


def story(number: int, *, seed: int = SEED) -> Story:
    """The story of that number (from 0). Each round tells every plot once, with another CRM than the round before."""
    turn, place = divmod(number, len(PLOTS))
    plot = _order(turn, seed)[place]
    draw = random.Random(f"{seed}:{number}")  # noqa: S311 - a play, not a secret
    rep, other = draw.sample(PEOPLE, 2)
    lead = Lead(
        number=number,
        crm=list(Crm)[(place + turn) % len(Crm)],
        first_name=draw.choice(FIRST_NAMES),
        last_name=draw.choice(LAST_NAMES),
        company=draw.choice(COMPANIES),
    )
    steps = sorted(plot(rep, other), key=lambda step: step.posted_at_seconds)
    return Story(lead=lead, plot=plot.__name__, steps=tuple(steps))


def gap_seconds(number: int, *, seed: int = SEED) -> float:
    """How long after this story the next one starts."""
    if number < len(PLOTS) - 1:
        return FIRST_GAP_SECONDS
    return random.Random(f"{seed}:gap:{number}").uniform(*GAP_SECONDS)  # noqa: S311 - a play, not a secret


def _order(turn: int, seed: int) -> Sequence[Plot]:
    if turn == 0:
        return PLOTS
    return random.Random(f"{seed}:turn:{turn}").sample(PLOTS, len(PLOTS))  # noqa: S311 - a play, not a secret
