"""What was announced of a lead: the other half of `announce`, stored beside the history."""

from typing import Self

import msgspec

from shared.events.envelope import OwnerKind


class Saying(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One announcement: its transition, the instant it names, its ordinal among its like, and whether it stands."""

    transition: str
    at_us: int
    ordinal: int
    standing: bool
    warning: str = ""


class Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was announced of one obligation, with enough of it to take back what was said once it is no more."""

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
    sayings: tuple[Saying, ...]


class Announced(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Everything announced of one lead. Grows with the lead's obligations, not with its events."""

    told: tuple[Told, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Self:
        """Read what `to_bytes` wrote."""
        announced = _decoder.decode(data)
        assert isinstance(announced, cls)
        return announced

    def to_bytes(self) -> bytes:
        """As MessagePack, for one column of one row."""
        return _encoder.encode(self)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Announced)
