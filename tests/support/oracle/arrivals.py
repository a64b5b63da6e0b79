"""The ways in which the same events may arrive: in time, or doubled, out of order, in batches, late."""

import datetime as dt
import random
from collections.abc import Sequence

from shared.events import lead

Batch = tuple[dt.datetime, tuple[lead.LeadEvent, ...]]
"""When some events arrive together."""


def in_time(events: Sequence[lead.LeadEvent]) -> list[Batch]:
    """Every event the moment it happens; an activity with several reports is told when the last of them is due."""
    moments: dict[dt.datetime, list[lead.LeadEvent]] = {}
    last_told: dict[str, lead.TouchLogged] = {}
    for event in sorted(events, key=lambda event: (event.occurred_at, event.id)):
        if isinstance(event, lead.TouchLogged):
            last_told[event.touch] = event
    for event in events:
        if not isinstance(event, lead.TouchLogged) or last_told[event.touch] is event:
            moments.setdefault(event.at, []).append(event)
    return [(at, tuple(moments[at])) for at in sorted(moments)]


def in_disorder(events: Sequence[lead.LeadEvent], dice: random.Random) -> list[Batch]:
    """Some twice, in random batches; one may come before its time (a sender's clock runs ahead) or days after it."""
    told = [*events, *(event for event in events if dice.random() < 0.3)]
    arrivals = [(event.at + dt.timedelta(minutes=dice.choice(_DELAYS_MINUTES)), event) for event in told]
    batches: dict[dt.datetime, list[lead.LeadEvent]] = {}
    coarse = dt.timedelta(minutes=dice.choice((1, 60, 600)))
    for at, event in arrivals:
        whole = at + (dt.datetime.min.replace(tzinfo=dt.UTC) - at) % coarse
        batches.setdefault(whole, []).append(event)
    for batch in batches.values():
        dice.shuffle(batch)
    return [(at, tuple(batches[at])) for at in sorted(batches)]


_DELAYS_MINUTES = (-30, 0, 0, 0, 1, 5, 90, 24 * 60, 3 * 24 * 60)
