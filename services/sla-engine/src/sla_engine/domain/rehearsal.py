"""What would have been announced, and when: the engine's loop on paper, over events and the instants they arrived."""

import itertools
import operator
from collections.abc import Callable, Iterable
from datetime import datetime

from shared.events.lead import LeadEvent
from shared.events.sla import AnySlaEvent
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.announced import Announced
from sla_engine.domain.announcement import announce, next_wake
from sla_engine.domain.editions import Editions, judge_under
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us, to_us
from sla_engine.domain.obligation import Verdict


def rehearse(events: Iterable[LeadEvent], by: Agreement | Editions, until: datetime) -> list[AnySlaEvent]:
    """All announcements on one lead up to `until`: each event is known from the instant at which it was received.

    What was received at one instant came in one request, and is known at once. An edition of the agreement is known
    from the instant at which it is applied, and the lead is judged again then.
    """
    received_at = operator.attrgetter("received_at")
    arriving = sorted((event for event in events if event.received_at <= until), key=received_at)
    if not arriving:
        return []
    editions = by if isinstance(by, Editions) else Editions.only(by)
    stage = Stage(History(arriving[0].lead, arriving[0].source), editions)
    for instant, together in itertools.groupby(arriving, key=received_at):
        stage.sleep(instant)
        stage.history = stage.history.with_events(together)[0]
        stage.look(instant)
    stage.sleep(until)
    return stage.said


def _as_judged(verdict: Verdict, _: History) -> Verdict:
    return verdict


class Stage:
    """One lead's state between two instants. `sift` leaves out of a verdict what is not this lead's to tell."""

    def __init__(
        self, history: History, editions: Editions, sift: Callable[[Verdict, History], Verdict] = _as_judged
    ) -> None:
        self.history = history
        self.editions = editions
        self.sift = sift
        self.applied = [from_us(edition.applied_us) for edition in editions.all[1:]]
        self.announced = Announced()
        self.said: list[AnySlaEvent] = []
        self.wake: datetime | None = None

    def sleep(self, until: datetime) -> None:
        """Let time pass, looking whenever something falls due or an edition is applied."""
        while (at := min([each for each in (self.wake, *self.applied) if each is not None], default=None)) is not None:
            if at > until:
                return
            self.look(at)

    def look(self, now: datetime) -> None:
        """Judge, announce, and note when to look again."""
        self.applied = [at for at in self.applied if at > now]
        if not self.history.facts:
            return
        verdict = self.sift(judge_under(self.history, self.editions.known_at(to_us(now)), now), self.history)
        said, self.announced = announce(self.announced, verdict, now)
        self.said += said
        self.wake = next_wake(verdict, self.announced, now)
