"""What there is to say of an obligation, and when: the part of announcing that knows no history."""

from collections.abc import Iterator, Sequence

import msgspec

from sla_engine.domain.announced import Saying, Transition
from sla_engine.domain.obligation import Obligation, State

# Bound once: in Python 3.11 each look at a member of an enum is a call.
_OPENED = Transition.OPENED
_AT_RISK = Transition.AT_RISK
_BREACHED = Transition.BREACHED
_EXCUSED = Transition.EXCUSED
_PAUSED = State.PAUSED


class Due(msgspec.Struct, frozen=True, gc=False):
    """Something true of an obligation: its transition, the instant it names, and when it may be said."""

    transition: Transition
    at_us: int
    due_us: int
    warning: str = ""


def breach_due_us(obligation: Obligation) -> int:
    """When a breach of this deadline may be said: once the settle time is over, and after the deadline itself."""
    return obligation.deadline_us + max(obligation.settle_us, 1)


def truths(obligation: Obligation) -> list[Due]:
    """What is so of the obligation, warnings apart. What follows a breach is not said before it."""
    found = [Due(_OPENED, obligation.started_us, obligation.started_us)]
    earliest_us = 0
    if obligation.breach is not None:
        earliest_us = breach_due_us(obligation)
        found.append(Due(_BREACHED, obligation.deadline_us, earliest_us))
    elif obligation.excuse is not None:
        found.append(Due(_EXCUSED, obligation.deadline_us, breach_due_us(obligation)))
        return found
    if obligation.stopped_us is not None:
        closing = _closing(obligation.state)
        found.append(Due(closing, obligation.stopped_us, max(obligation.stopped_us, earliest_us)))
    return found


def compare(obligation: Obligation, sayings: Sequence[Saying]) -> tuple[list[Due], list[int]]:
    """What is true and does not stand announced, and the places of what stands and is not true."""
    unsaid, untrue = truths(obligation), []
    for place, saying in enumerate(sayings):
        if not saying.standing:
            continue
        if saying.transition is _AT_RISK:
            if not _warned_rightly(saying, obligation):
                untrue.append(place)
            continue
        for due in unsaid:
            if due.transition is saying.transition and due.at_us == saying.at_us:
                unsaid.remove(due)
                break
        else:
            untrue.append(place)
    return unsaid, untrue


def _warned_rightly(saying: Saying, obligation: Obligation) -> bool:
    return any(each.at_us == saying.at_us and each.name == saying.warning for each in obligation.warnings)


def warning_to_say(obligation: Obligation, sayings: Sequence[Saying], now_us: int) -> Due | None:
    """The warning to give now: the latest that is due and later than any given; none once the deadline has passed.

    So after an outage one warning is given, not all that were missed, and none beside a breach.
    """
    warnings = obligation.warnings
    if (
        not warnings
        or obligation.stopped_us is not None
        or obligation.state is _PAUSED
        or not warnings[0].at_us <= now_us <= obligation.deadline_us
    ):
        return None
    given_us = -1
    for saying in sayings:
        if saying.standing and saying.transition is _AT_RISK:
            given_us = max(given_us, saying.at_us)
    latest = None
    for warning in warnings:
        if given_us < warning.at_us <= now_us:
            latest = Due(_AT_RISK, warning.at_us, warning.at_us, warning.name)
    return latest


def coming_us(obligation: Obligation, now_us: int) -> Iterator[int]:
    """The instants after `now_us` at which time alone makes something due."""
    if obligation.state is _PAUSED:
        if any(each.to_us is None and each.from_us >= obligation.deadline_us for each in obligation.pauses):
            yield breach_due_us(obligation)  # paused at the very deadline: one microsecond later it is broken
        return
    if obligation.stopped_us is None:
        yield breach_due_us(obligation)
        for warning in obligation.warnings:
            if warning.at_us > now_us:
                yield warning.at_us
                break
    elif obligation.breach is not None or obligation.excuse is not None:
        yield breach_due_us(obligation)


def _closing(state: State) -> Transition:
    if state is State.MET:
        return Transition.MET
    return Transition.MET_LATE if state is State.MET_LATE else Transition.CANCELLED
