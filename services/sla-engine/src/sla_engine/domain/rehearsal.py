"""What would have been announced, and when: the engine's loop on paper, over events and the instants they arrived."""

import itertools
import operator
from collections.abc import Iterable
from datetime import datetime

from shared.events.lead import LeadEvent
from shared.events.sla import AnySlaEvent
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.announced import Announced
from sla_engine.domain.announcement import announce, next_wake
from sla_engine.domain.history import History
from sla_engine.domain.judgement import judge


def rehearse(events: Iterable[LeadEvent], agreement: Agreement, until: datetime) -> list[AnySlaEvent]:
    """All announcements on one lead up to `until`: each event is known from the instant at which it was received.

    What was received at one instant came in one request, and is known at once.
    """
    received_at = operator.attrgetter("received_at")
    arriving = sorted((event for event in events if event.received_at <= until), key=received_at)
    if not arriving:
        return []
    stage = _Stage(History(arriving[0].lead, arriving[0].source), agreement)
    for instant, together in itertools.groupby(arriving, key=received_at):
        stage.sleep(instant)
        stage.history = stage.history.with_events(together)[0]
        stage.look(instant)
    stage.sleep(until)
    return stage.said


class _Stage:
    """One lead's state between two instants."""

    def __init__(self, history: History, agreement: Agreement) -> None:
        self.history = history
        self.agreement = agreement
        self.announced = Announced()
        self.said: list[AnySlaEvent] = []
        self.wake: datetime | None = None

    def sleep(self, until: datetime) -> None:
        """Let time pass, looking whenever something falls due."""
        while self.wake is not None and self.wake <= until:
            self.look(self.wake)

    def look(self, now: datetime) -> None:
        """Judge, announce, and note when to look again."""
        verdict = judge(self.history, self.agreement, now)
        said, self.announced = announce(self.announced, verdict, now)
        self.said += said
        self.wake = next_wake(verdict, self.announced, now)
