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
    """What is known of one lead. `facts` are sorted; compare histories with `==`."""

    lead: str
    source: str
    facts: tuple[AnyFact, ...] = ()

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
        known = {fact.id for fact in self.facts}
        touches = {fact.touch: fact for fact in self.facts if type(fact) is Touch}
        added: dict[str, AnyFact] = {}
        outdated: set[str] = set()
        for event in events:
            if event.id in known:
                continue
            fact = reduce(event)
            if type(fact) is Touch:
                earlier = touches.get(fact.touch)
                if earlier is not None and _report(earlier) >= _report(fact):
                    continue
                if earlier is not None:
                    outdated.add(earlier.id)
                touches[fact.touch] = fact
            known.add(fact.id)
            added[fact.id] = fact
        if not added:
            return self, False
        kept = [fact for fact in (*self.facts, *added.values()) if fact.id not in outdated]
        kept.sort(key=_place)
        return type(self)(self.lead, self.source, tuple(kept)), True


def _place(fact: AnyFact) -> tuple[int, int, str]:
    return fact.at_us, ORDER[type(fact)], fact.id


def _report(touch: Touch) -> tuple[int, str]:
    """Later reports of an activity are greater."""
    return touch.reported_us, touch.id


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(History)
