"""One run of one clock, and what a story keeps of a clock while it is told."""

import msgspec

from shared.events.envelope import Owner
from sla_engine.domain.agreement import Clock
from sla_engine.domain.facts import AnyFact
from sla_engine.domain.moments import Count
from sla_engine.domain.obligation import Ending


class Pause(msgspec.Struct, gc=False):
    """A stretch in which a run's time does not count; `to_us` None: it still lasts."""

    from_us: int
    from_event: str
    to_us: int | None = None
    to_event: str | None = None


class Run(msgspec.Struct, gc=False):
    """One run of one clock. `turns` are the owners, each since when; None is nobody."""

    clock: Clock
    cycle: int
    round: int
    started_us: int
    start_events: tuple[str, ...]
    turns: list[tuple[int, Owner | None]]
    stopped_us: int | None = None
    stop_event: str | None = None
    cancelled: bool = False
    reason: str = ""
    ending: Ending | None = None
    pauses: list[Pause] = []
    counts: dict[Count, int] = {}

    @property
    def paused(self) -> bool:
        """Whether its time does not count now."""
        return bool(self.pauses) and self.pauses[-1].to_us is None

    def stop(self, at_us: int, event: str | None, reason: str, ending: Ending) -> None:
        """It is done."""
        self.stopped_us, self.stop_event, self.reason, self.ending = at_us, event, reason, ending

    def cancel(self, at_us: int, event: str | None, reason: str, ending: Ending) -> None:
        """The promise no longer applies."""
        self.stop(at_us, event, reason, ending)
        self.cancelled = True

    def pass_to(self, at_us: int, owner: Owner | None) -> None:
        """Somebody else holds it from now on; of several at one instant, the last."""
        if self.turns[-1][0] == at_us:
            self.turns.pop()
        self.turns.append((at_us, owner))


class Track(msgspec.Struct, gc=False):
    """What is known of one clock at one point of the story.

    `rounds` counts its runs in this stay (of this lead) and `left` those that may follow, `rests` is whether `start`
    held before the next fact, `answers` are the facts by which what is asked of the open run held in this instant, by
    precedence.
    """

    clock: Clock
    left: int
    run: Run | None = None
    rounds: int = 0
    rests: bool = False
    answers: list[AnyFact | None] | None = None
    again: AnyFact | None = None
    counts: dict[Count, int] = {}
