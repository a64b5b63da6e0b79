"""What happens to the leads of a run, and when the log learns of it: in time, late, twice, in any order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.events.envelope import Actor, ActorKind, Channel, Direction, TimeSource
from shared.events.lead import (
    LeadAccepted,
    LeadAssigned,
    LeadAttributesChanged,
    LeadCreated,
    LeadDeleted,
    LeadDisposed,
    LeadEvent,
    LeadMerged,
    LeadRejected,
    LeadStageChanged,
    TouchLogged,
)
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.history import History
from sla_engine.domain.judgement import judge
from tests.support.simulation.chance import Chance
from tests.support.simulation.process import BEGIN
from tests.support.story_builder import EVA, MAX, QUEUE

SOURCE, ACCOUNT = "crm", "acc"
MICROSECOND = 1e-6
AIMS = (-1.0, -MICROSECOND, 0.0, 0.0, MICROSECOND, 1.0)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record that is appended `at_seconds` after the beginning. `event` None: it can't be read."""

    at_seconds: float
    event: LeadEvent | None
    storable: bool = True


class Story:
    """One lead's events, and then their arrivals."""

    def __init__(self, lead: str, chance: Chance, *, span_seconds: float, others: Sequence[str]) -> None:
        self.lead = lead
        self._others = others
        self.events: list[LeadEvent] = []
        self._chance = chance
        self._span = span_seconds

    def tell(self) -> None:
        """A believable beginning mostly, then anything."""
        chance = self._chance
        at = chance.between(0, self._span * 0.7)
        if chance.happens(0.9):
            self._add(LeadCreated, at, attributes=self._attributes())
        if chance.happens(0.9) or not self.events:
            at = self._later(at)
            self._add(LeadStageChanged, at, stage="mql", raw_stage="mql")
        if chance.happens(0.8):
            at = self._later(at)
            self._add(LeadAssigned, at, owner=chance.pick((MAX, MAX, EVA, QUEUE)))
        for _ in range(chance.pick((0, 1, 2, 4, 7))):
            at = self._later(at)
            self._anything(at)

    def aim(self, agreement: Agreement) -> None:
        """Touches at the instants that matter, or beside them."""
        if not self.events:
            return
        end = BEGIN + timedelta(seconds=2 * self._span)
        marks = [each.deadline for each in judge(History.of(self.events), agreement, end).obligations]
        for mark in marks:
            if self._chance.happens(0.6):
                at = (mark - BEGIN).total_seconds() + self._chance.pick(AIMS)
                if at < 2 * self._span:
                    self._touch(at)

    def forget(self) -> None:
        """The person asks to be deleted, at any time."""
        self._add(LeadDeleted, self._chance.between(0, 1.5 * self._span), privacy=True)

    def arrivals(self) -> list[Arrival]:
        """Each event once or more, each no earlier than it can be known."""
        found = []
        for event in self.events:
            happened = (max(event.at, event.occurred_at) - BEGIN).total_seconds()
            for _ in range(self._chance.pick((1, 1, 1, 1, 2, 3))):
                at = max(0.0, happened + self._delay())
                received_at = BEGIN + timedelta(seconds=max(0.0, at - self._chance.pick((0.0, 0.2, 0.2, 30.0))))
                found.append(Arrival(at, msgspec.structs.replace(event, received_at=received_at)))
        return found

    def unstorable(self) -> Arrival:
        """An event that no database takes."""
        at = self._chance.between(0, self._span)
        self._add(LeadAttributesChanged, at, attributes={"colour": 10**30})
        return Arrival(at + self._delay(0.0), self.events.pop(), storable=False)

    def _delay(self, least: float = -20.0) -> float:
        chance = self._chance
        kind = chance.weighed(((70, "soon"), (14, "late"), (10, "very late"), (6, "early")))
        match kind:
            case "soon":
                return chance.between(0.01, 1.0)
            case "late":
                return chance.between(1.0, 10.0)
            case "very late":
                return chance.between(10.0, 60.0)
            case _:
                return chance.between(least, 0.0)

    def _later(self, at: float) -> float:
        chance = self._chance
        return at + chance.pick((0.0, chance.between(0, 1), chance.between(0, 15), chance.between(0, 60)))

    def _anything(self, at: float) -> None:
        chance = self._chance
        stage = chance.pick(("mql", "sal", "nurture"))
        choices: tuple[tuple[int, tuple[type, dict[str, Any]]], ...] = (
            (30, (TouchLogged, {})),
            (15, (LeadStageChanged, {"stage": stage, "raw_stage": stage})),
            (25, (LeadAssigned, {"owner": chance.pick((MAX, EVA, QUEUE, None))})),
            (4, (LeadRejected, {"reason": "no fit"})),
            (4, (LeadAccepted, {})),
            (4, (LeadDisposed, {"disposition": chance.pick(("recycled", "disqualified"))})),
            (8, (LeadAttributesChanged, {"attributes": self._attributes()})),
            (2, (LeadDeleted, {})),
            (3, (LeadMerged, {"into": chance.pick(self._others)})),
        )
        kind, said = chance.weighed(choices)
        if kind is TouchLogged:
            self._touch(at)
        else:
            self._add(kind, at, **said)

    def _touch(self, at: float) -> None:
        chance = self._chance
        name = f"touch-{chance.whole(0, 3)}"
        if chance.happens(0.2):  # planned first
            self._add(TouchLogged, at - chance.between(0, 40), **self._deed(name, at, completed=False))
        self._add(TouchLogged, at + chance.pick((0.0, 0.0, 3.0)), **self._deed(name, at, completed=chance.happens(0.9)))

    def _deed(self, name: str, at: float, *, completed: bool) -> dict[str, Any]:
        return {
            "touch": name,
            "channel": self._chance.pick((Channel.CALL, Channel.CALL, Channel.EMAIL)),
            "direction": self._chance.pick((Direction.OUTBOUND, Direction.OUTBOUND, Direction.INBOUND)),
            "performed_at": _instant(at),
            "performed_by": Actor(kind=ActorKind.USER, id="u-max"),
            "completed": completed,
        }

    def _attributes(self) -> dict[str, Any]:
        return self._chance.pick(
            ({"size": 10}, {"size": 5000}, {"name": "Erika Example"}, {"on_hold": True}, {"on_hold": False})
        )

    def _add(self, kind: type, at: float, **said: Any) -> None:  # noqa: ANN401 - the fields of any event
        self.events.append(
            kind(
                id=f"{self.lead}/{len(self.events):03}",
                source=SOURCE,
                account=ACCOUNT,
                lead=self.lead,
                occurred_at=_instant(at),
                received_at=_instant(at),
                time_source=TimeSource.EVENT,
                raw_id="raw",
                **said,
            )
        )


def last_instant(events: Sequence[LeadEvent]) -> float:
    """The latest instant that any of these names, in seconds after the beginning."""
    return max([(max(event.at, event.occurred_at) - BEGIN).total_seconds() for event in events], default=0.0)


def _instant(at_seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=at_seconds)
