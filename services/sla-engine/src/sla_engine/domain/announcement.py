"""`announce`: what must be said now, given what was said before; `next_wake`: when time alone will have more to say."""

from datetime import datetime

from shared.events.sla import AnySlaEvent
from sla_engine.domain.announced import Announced
from sla_engine.domain.obligation import Verdict

LATE_AFTER_SECONDS = 60.0
"""An announcement later than this after it was due is marked late."""


def announce(
    before: Announced,
    after: Verdict,
    now: datetime,
    *,
    traceparent: str | None = None,
    late_after_seconds: float = LATE_AFTER_SECONDS,
) -> tuple[tuple[AnySlaEvent, ...], Announced]:
    """What must be announced at `now`, oldest first, and what then stands announced.

    Settle times come with the obligations. The same inputs give the same events with the same ids.
    """
    raise NotImplementedError


def next_wake(verdict: Verdict, announced: Announced, now: datetime) -> datetime | None:
    """The earliest instant after `now` at which `announce` may have something to say by time alone; None: never."""
    raise NotImplementedError
