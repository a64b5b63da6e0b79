"""A lead's history: its facts in the order of event time, each once, whatever the order and number of arrivals.

Size: one entry a distinct event (60–150 bytes stored, see docs of the engine), because a late event may land anywhere;
reports of one activity replace each other and take one entry together. Nothing else grows with redelivery.
"""

from collections.abc import Iterable
from typing import Self

import msgspec

from shared.events.lead import LeadEvent
from sla_engine.domain.facts import ORDER, AnyFact, Touch, reduce


class History(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of one lead. `facts` are sorted; compare histories with `==`.

    `readings` has the reading of each fact that came of a replay: of two events with one id the later reading counts,
    so a corrected mapping corrects what it translated wrongly, and no redelivery brings the wrong reading back.
    """

    lead: str
    source: str
    facts: tuple[AnyFact, ...] = ()
    readings: dict[str, int] = {}

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Self:
        """Read what `to_bytes` wrote. Raises `msgspec.DecodeError` or `msgspec.ValidationError`."""
        history = _decoder.decode(data)
        assert isinstance(history, cls)
        return history

    def to_bytes(self) -> bytes:
        """The history as MessagePack, for one column of one row."""
        return _encoder.encode(self)

    @classmethod
    def of(cls, events: Iterable[LeadEvent]) -> Self:
        """The history that these events of one lead make. Raises `ValueError` where there are none."""
        listed = list(events)
        if not listed:
            raise ValueError("a history is made of at least one event")
        empty = cls(listed[0].lead, listed[0].source)
        return empty.with_events(listed)[0]

    def with_events(self, events: Iterable[LeadEvent]) -> tuple[Self, bool]:
        """The history with these events in it, and whether they changed it. All must be of this lead."""
        facts = {fact.id: fact for fact in self.facts}
        touches = {fact.touch: fact for fact in self.facts if type(fact) is Touch}
        readings = self.readings
        changed, in_order = False, True
        latest_us = self.facts[-1].at_us if self.facts else None
        for event in events:
            known = facts.get(event.id)
            if known is not None and event.reading <= readings.get(event.id, 0):
                continue
            fact = reduce(event)
            if known is not None:
                _remove(known, facts, touches)
                changed = True
            if type(fact) is Touch:
                earlier = touches.get(fact.touch)
                if earlier is not None and _report(earlier) >= _report(fact):
                    continue
                if earlier is not None:
                    del facts[earlier.id]
                touches[fact.touch] = fact
            facts[fact.id] = fact
            changed = True
            in_order = in_order and (latest_us is None or fact.at_us > latest_us)  # at the end of `facts`, and later
            latest_us = fact.at_us
            if event.reading:
                if readings is self.readings:
                    readings = dict(readings)
                readings[event.id] = event.reading
        if not changed:
            return self, False
        ordered = facts.values() if in_order else sorted(facts.values(), key=_place)
        return type(self)(self.lead, self.source, tuple(ordered), readings), True


def _remove(fact: AnyFact, facts: dict[str, AnyFact], touches: dict[str, Touch]) -> None:
    """Make room for a later reading of the same event."""
    del facts[fact.id]
    if type(fact) is Touch:
        del touches[fact.touch]


def _place(fact: AnyFact) -> tuple[int, int, str]:
    return fact.at_us, ORDER[type(fact)], fact.id


def _report(touch: Touch) -> tuple[int, str]:
    """Later reports of an activity are greater."""
    return touch.reported_us, touch.id


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(History)
