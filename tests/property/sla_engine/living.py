"""The engine's core lives through arrivals, as the running engine does, and what it announced stands at the end."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

from shared.events.sla import AnySlaEvent, ObligationRetracted
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.announced import Announced
from sla_engine.domain.announcement import announce, next_wake
from sla_engine.domain.history import History
from sla_engine.domain.judgement import judge
from sla_engine.domain.obligation import Verdict
from tests.support.oracle.arrivals import Batch

MOST_WAKES = 500


def standing(batches: Sequence[Batch], agreement: Agreement, end: dt.datetime) -> list[AnySlaEvent]:
    """What was announced under one agreement and not taken back."""
    return standing_by(batches, lambda history, now: judge(history, agreement, now), end)


def standing_by(
    batches: Sequence[Batch], judged: Callable[[History, dt.datetime], Verdict], end: dt.datetime
) -> list[AnySlaEvent]:
    """Let the events arrive and wake when the engine asks for it; what was announced and not taken back."""
    history: History | None = None
    announced = Announced()
    stands: dict[str, AnySlaEvent] = {}
    for at, until in spans(batches, end):
        for event in at[1]:
            history = History.of([event]) if history is None else history.with_events([event])[0]
        now: dt.datetime | None = at[0]
        wakes = 0
        while history is not None and now is not None and now < until:
            verdict = judged(history, now)
            events, announced = announce(announced, verdict, now)
            note(stands, events)
            wakes += 1
            assert wakes < MOST_WAKES
            now = next_wake(verdict, announced, now)
    return list(stands.values())


def spans(batches: Sequence[Batch], end: dt.datetime) -> Iterable[tuple[Batch, dt.datetime]]:
    """Every batch with the instant at which the next one comes; the last is alone until just after the end."""
    ends = [*(at for at, _ in batches[1:]), end + dt.timedelta(microseconds=1)]
    return zip(batches, ends, strict=True)


def note(stands: dict[str, AnySlaEvent], events: Iterable[AnySlaEvent]) -> None:
    """Keep what was said, drop what was taken back; nothing is said twice or taken back unsaid."""
    for event in events:
        if isinstance(event, ObligationRetracted):
            del stands[event.retracts]
        else:
            assert event.id not in stands
            stands[event.id] = event
