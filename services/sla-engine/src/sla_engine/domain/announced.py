"""What was announced of a lead: the other half of `announce`, stored beside the history."""

import enum
from typing import Self

import msgspec

from shared.events.envelope import OwnerKind
from shared.events.identity import identifier
from shared.events.sla import Party
from sla_engine.domain.obligation import Obligation


class Transition(enum.IntEnum):
    """What may be announced of an obligation; of one instant, in this order."""

    OPENED = 0
    AT_RISK = 1
    BREACHED = 2
    MET = 3
    MET_LATE = 4
    CANCELLED = 5
    EXCUSED = 6

    @property
    def word(self) -> str:
        """The transition as it stands in event types and ids."""
        return _WORDS[self]

    @property
    def event_type(self) -> str:
        """The type of the SLA event that announces it."""
        return f"obligation.{self.word}"


_WORDS = ("opened", "at_risk", "breached", "met", "met_late", "cancelled", "excused")


class Saying(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One announcement: its transition, the instant it names, its warning, and its ordinal among its like.

    `standing` False: it was taken back, for `reason`; it is kept so that its id is never used again.
    """

    transition: Transition
    at_us: int
    warning: str = ""
    ordinal: int = 0
    standing: bool = True
    reason: str = ""

    def event_id(self, obligation: str) -> str:
        """The id of the SLA event that said it: the same on every machine, after every replay."""
        return identifier(obligation, self.transition.word, self.warning, str(self.ordinal))

    def retraction_id(self, obligation: str) -> str:
        """The id of the SLA event that takes it back."""
        return identifier(obligation, "retracted", self.event_id(obligation))


class Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was announced of one obligation, with enough of it to take that back once the obligation is no more."""

    obligation: str
    clock: str
    clock_name: str
    cycle: int
    segment: str
    calendar: str
    started_us: int
    deadline_us: int
    target_us: int
    holder_id: str
    holder_name: str
    holder_kind: OwnerKind | None
    holder_team: str | None
    version: str
    sayings: tuple[Saying, ...] = ()
    round: int = 1

    @classmethod
    def about(cls, obligation: Obligation, sayings: tuple[Saying, ...]) -> Self:
        """What was said of this obligation, as it stands now. `version` names the agreement that judged it."""
        holder = obligation.holder
        return cls(
            obligation.id,
            obligation.clock,
            obligation.clock_name,
            obligation.cycle,
            obligation.segment,
            obligation.calendar,
            obligation.started_us,
            obligation.deadline_us,
            obligation.target_us,
            holder.id,
            holder.name,
            holder.kind,
            holder.team,
            obligation.agreement_version,
            sayings,
            obligation.round,
        )

    @property
    def holder(self) -> Party:
        """Who held it when something was last said of it."""
        return Party(id=self.holder_id, name=self.holder_name, kind=self.holder_kind, team=self.holder_team)

    @property
    def standing(self) -> tuple[Saying, ...]:
        """What was said and not taken back."""
        return tuple([saying for saying in self.sayings if saying.standing])

    @property
    def closing(self) -> Saying | None:
        """The standing word that it is over, if it was said."""
        return next((each for each in self.sayings if each.standing and each.transition >= Transition.MET), None)


class Announced(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Everything announced of one lead. Grows with the lead's obligations and with what was taken back.

    `seen_us` is how far the lead's own part of the log was known by its events when it was last judged.
    """

    told: tuple[Told, ...] = ()
    seen_us: int = 0

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Self:
        """Read what `to_bytes` wrote."""
        announced = _decoder.decode(data)
        assert isinstance(announced, cls)
        return announced

    def without_reasons(self) -> Self:
        """The same, but for why some of it was taken back: reasons may quote what people wrote about a person."""
        told = [
            msgspec.structs.replace(
                each, sayings=tuple([msgspec.structs.replace(one, reason="") for one in each.sayings])
            )
            for each in self.told
        ]
        return msgspec.structs.replace(self, told=tuple(told))

    def to_bytes(self) -> bytes:
        """As MessagePack, for one column of one row."""
        return _encoder.encode(self)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Announced)
