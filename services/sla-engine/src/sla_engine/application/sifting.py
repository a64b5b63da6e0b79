"""Which of a lead's new events can't be processed, where they can't be together."""

from collections.abc import Callable, Sequence

from shared.events.lead import LeadEvent
from shared.streams.port import StoredRecord
from sla_engine.application.advance import Step

Arrival = tuple[StoredRecord, LeadEvent]
Attempt = Callable[[Sequence[LeadEvent]], object]
"""Takes events of one lead together; raises where they can't be processed."""


def sift(arrivals: Sequence[Arrival], attempt: Attempt) -> tuple[list[LeadEvent], list[tuple[StoredRecord, Exception]]]:
    """The events that `attempt` takes together, in their order, and the records that it does not take with them.

    By halves: a few bad ones among many cost a few attempts each.
    """
    kept: list[LeadEvent] = []
    bad: list[tuple[StoredRecord, Exception]] = []

    def take(some: Sequence[Arrival]) -> None:
        if not some:
            return
        events = [event for _, event in some]
        try:
            attempt([*kept, *events])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is kept with the record as the reason
            if len(some) == 1:
                bad.append((some[0][0], error))
                return
            middle = len(some) // 2
            take(some[:middle])
            take(some[middle:])
        else:
            kept.extend(events)

    take(arrivals)
    return kept, bad


def check_storable(step: Step | None) -> None:
    """Raise what storing the step would raise before any database is asked."""
    if step is not None:
        step.after.history.to_bytes()
        step.after.announced.to_bytes()
