"""A lead's history: its facts in the order of event time, each once, whatever the order and number of arrivals.

Size: one entry a distinct event (60–150 bytes stored, see docs of the engine), because a late event may land anywhere;
reports of one activity replace each other and take one entry together. Nothing else grows with redelivery. A lead into
which others were merged holds their facts as well, by the way they came (`sla_engine.domain.joined`).
"""

from collections.abc import Iterable, Mapping
from typing import Self

import msgspec

from shared.events.lead import LeadEvent, LeadJoined
from sla_engine.domain.facts import AnyFact, reduce
from sla_engine.domain.joined import Joined, accept, effective, take_in


class History(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of one lead. `facts` are sorted; compare histories with `==`.

    `readings` has the reading of each of the lead's own facts that came of a replay: of two events with one id the
    later reading counts, so a corrected mapping corrects what it translated wrongly, and no redelivery brings the wrong
    reading back.

    Where leads were merged into this one, `joined` has what came of them, `own` the lead's own facts, and `facts` is
    what counts of both. `passed_to` are the leads that were told all of this, because this one was merged into them.
    """

    lead: str
    source: str
    facts: tuple[AnyFact, ...] = ()
    readings: dict[str, int] = {}
    own: tuple[AnyFact, ...] = ()
    joined: tuple[Joined, ...] = ()
    passed_to: tuple[str, ...] = ()

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

    @property
    def own_facts(self) -> tuple[AnyFact, ...]:
        """What happened to this very lead."""
        return self.own if self.joined else self.facts

    def origins(self) -> Mapping[str, str]:
        """From which merged lead each of the joined facts came, by the fact's id."""
        return effective(self.own, self.readings, self.joined)[1] if self.joined else {}

    def with_events(self, events: Iterable[LeadEvent]) -> tuple[Self, bool]:
        """The history with these events in it, and whether they changed it. All must be of this lead."""
        listed = list(events)
        if self.joined or LeadJoined in map(type, listed):
            return self._with_joined(listed)
        facts, readings, changed = accept(self.facts, self.readings, listed, reduce)
        if not changed:
            return self, False
        return type(self)(self.lead, self.source, facts, readings, (), (), self.passed_to), True

    def _with_joined(self, events: list[LeadEvent]) -> tuple[Self, bool]:
        words = [event for event in events if type(event) is LeadJoined]
        told = [event for event in events if type(event) is not LeadJoined]
        joined = take_in(self.joined, words, lead=self.lead)
        own, readings, changed = accept(self.own_facts, self.readings, told, reduce)
        if not changed and joined == self.joined:
            return self, False
        # where only others spoke of the lead so far, its own source counts from its own first word on
        source = told[0].source if told and not self.own_facts else self.source
        if not joined:
            return type(self)(self.lead, source, own, readings, (), (), self.passed_to), True
        facts, _ = effective(own, readings, joined)
        return type(self)(self.lead, source, facts, readings, own, joined, self.passed_to), True


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(History)
