"""What there is to say of an obligation, and when: the part of announcing that knows no history."""

from collections.abc import Iterator, Sequence

import msgspec

from sla_engine.domain.announced import Saying, Transition
from sla_engine.domain.obligation import Obligation, State


class Due(msgspec.Struct, frozen=True, gc=False):
    """Something true of an obligation: its transition, the instant it names, and when it may be said."""

    transition: Transition
    at_us: int
    due_us: int
    warning: str = ""

    def says(self, saying: Saying) -> bool:
        """Whether this very thing was said."""
        return saying.transition == self.transition and saying.at_us == self.at_us and saying.warning == self.warning


def breach_due_us(obligation: Obligation) -> int:
    """When a breach of this deadline may be said: once the settle time is over, and after the deadline itself."""
    return obligation.deadline_us + max(obligation.settle_us, 1)


def truths(obligation: Obligation) -> list[Due]:
    """What is so of the obligation, warnings apart. What follows a breach is not said before it."""
    found = [Due(Transition.OPENED, obligation.started_us, obligation.started_us)]
    earliest_us = 0
    if obligation.breach is not None:
        earliest_us = breach_due_us(obligation)
        found.append(Due(Transition.BREACHED, obligation.deadline_us, earliest_us))
    if obligation.stopped_us is not None:
        closing = _CLOSING[obligation.state]
        found.append(Due(closing, obligation.stopped_us, max(obligation.stopped_us, earliest_us)))
    return found


def warning_to_say(obligation: Obligation, standing: Sequence[Saying], now_us: int) -> Due | None:
    """The warning to give now: the latest that is due and later than any given; none once the deadline has passed.

    So after an outage one warning is given, not all that were missed, and none beside a breach.
    """
    if obligation.stopped_us is not None or now_us > obligation.deadline_us:
        return None
    given_us = max((each.at_us for each in standing if each.transition is Transition.AT_RISK), default=-1)
    latest = None
    for warning in obligation.warnings:
        if given_us < warning.at_us <= now_us:
            latest = Due(Transition.AT_RISK, warning.at_us, warning.at_us, warning.name)
    return latest


def still_true(saying: Saying, true: Sequence[Due], obligation: Obligation) -> bool:
    """Whether a standing announcement is so by the verdict."""
    if saying.transition is Transition.AT_RISK:
        return any(each.at_us == saying.at_us and each.name == saying.warning for each in obligation.warnings)
    return any(each.says(saying) for each in true)


def coming_us(obligation: Obligation, now_us: int) -> Iterator[int]:
    """The instants after `now_us` at which time alone makes something due."""
    if obligation.stopped_us is None:
        yield breach_due_us(obligation)
        for warning in obligation.warnings:
            if warning.at_us > now_us:
                yield warning.at_us
                break
    elif obligation.breach is not None:
        yield breach_due_us(obligation)


_CLOSING = {State.MET: Transition.MET, State.MET_LATE: Transition.MET_LATE, State.CANCELLED: Transition.CANCELLED}
