"""Several leads on paper: what would have been announced on each, with what merged leads pass on to their winners."""

import itertools
import operator
from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.events.lead import LeadEvent
from sla_engine.application.joining import kept_promises, passing_on
from sla_engine.domain.editions import Editions
from sla_engine.domain.history import History
from sla_engine.domain.rehearsal import Stage

_received_at = operator.attrgetter("received_at")


def rehearse_all(told: Mapping[str, Sequence[LeadEvent]], by: Editions, until: datetime) -> dict[str, Stage]:
    """Every lead as it stands at `until`: its history, what was said of it, and what stands announced.

    Each event is known from the instant at which it was received, and with it, on the leads that were merged with
    this one, what it passes on. A winner may be there of which no event tells.
    """
    arriving = sorted(
        (each for events in told.values() for each in events if each.received_at <= until), key=_received_at
    )
    stages: dict[str, Stage] = {}
    for instant, together in itertools.groupby(arriving, key=_received_at):
        waiting: dict[str, list[LeadEvent]] = {}
        for event in together:
            waiting.setdefault(event.lead, []).append(event)
        while waiting:
            lead = next(iter(waiting))
            for word in _take_in(stages, lead, waiting.pop(lead), by, instant):
                waiting.setdefault(word.lead, []).append(word)
    for stage in stages.values():
        stage.sleep(until)
    return stages


def _take_in(
    stages: dict[str, Stage], lead: str, events: Sequence[LeadEvent], by: Editions, instant: datetime
) -> Sequence[LeadEvent]:
    """A lead takes in what came at this instant; what it passes on."""
    stage = stages.get(lead)
    if stage is None:
        stage = stages[lead] = Stage(History(lead, events[0].source), by, kept_promises)
    stage.sleep(instant)
    before = stage.history
    after, changed = before.with_events(events)
    if not changed:
        return ()
    stage.history, words = passing_on(before, after)
    stage.look(instant)
    return words
