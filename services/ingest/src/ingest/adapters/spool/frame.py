"""How one record lies in a segment: magic, length, checksum, sequence number, payload.

The checksum covers length, sequence number and payload, and begins with the segment's salt: what a sender puts into a
body can't pass for a frame, for it does not know the salt.
"""

import struct
import zlib
from collections.abc import Iterator

import msgspec

_HEADER = struct.Struct(">4sIIQ")
_COVERED = struct.Struct(">IQ")
MAGIC = b"LPsp"
HEADER_BYTES = _HEADER.size
MOST_PAYLOAD_BYTES = 64 * 1024 * 1024
"""A length beyond this is damage, not a record."""


class Frame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A sound frame at `start` of a segment's bytes; the payload lies from `start + HEADER_BYTES` to `end`."""

    sequence: int
    start: int
    end: int


class Damage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bytes that are no sound frame. `torn`: nothing sound follows, as after a crash in the middle of a write."""

    start: int
    end: int
    torn: bool


def encode(payload: bytes, *, sequence: int, salt: int) -> bytes:
    """A frame."""
    return _HEADER.pack(MAGIC, len(payload), _checksum(payload, sequence=sequence, salt=salt), sequence) + payload


def scan(data: bytes, *, salt: int) -> Iterator[Frame | Damage]:
    """All sound frames, in order, and what lies between them."""
    place = 0
    while place < len(data):
        frame = _frame_at(data, place, salt)
        if frame is None:
            damage, frame = _next_after_damage(data, place, salt)
            yield damage
            if frame is None:
                return
        yield frame
        place = frame.end


def payload_of(data: bytes, *, sequence: int, salt: int) -> bytes | None:
    """The payload of the one frame that `data` is, or None if it is not sound (any more)."""
    frame = _frame_at(data, 0, salt)
    if frame is None or frame.sequence != sequence or frame.end != len(data):
        return None
    return data[HEADER_BYTES:]


def _next_after_damage(data: bytes, start: int, salt: int) -> tuple[Damage, Frame | None]:
    place = data.find(MAGIC, start + 1)
    while place >= 0:
        frame = _frame_at(data, place, salt)
        if frame is not None:
            return Damage(start=start, end=place, torn=False), frame
        place = data.find(MAGIC, place + 1)
    return Damage(start=start, end=len(data), torn=True), None


def _frame_at(data: bytes, place: int, salt: int) -> Frame | None:
    if len(data) - place < HEADER_BYTES:
        return None
    magic, length, checksum, sequence = _HEADER.unpack_from(data, place)
    end = place + HEADER_BYTES + length
    if magic != MAGIC or length > MOST_PAYLOAD_BYTES or end > len(data):
        return None
    payload = memoryview(data)[place + HEADER_BYTES : end]
    if checksum != _checksum(payload, sequence=sequence, salt=salt):
        return None
    return Frame(sequence=sequence, start=place, end=end)


def _checksum(payload: bytes | memoryview, *, sequence: int, salt: int) -> int:
    return zlib.crc32(payload, zlib.crc32(_COVERED.pack(len(payload), sequence), salt))
