"""Which partition a key belongs to: murmur2, as Kafka's own clients compute it."""

import struct

_MASK = 0xFFFFFFFF
_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C


def partition_for(key: bytes, partitions: int) -> int:
    """The partition of a key among `partitions` of a topic; the same in every process and on every engine."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    length = len(data)
    whole = length & ~3
    value = _SEED ^ length
    for (block,) in struct.iter_unpack("<I", data[:whole]):
        mixed = (block * _MULTIPLIER) & _MASK
        mixed = ((mixed ^ (mixed >> 24)) * _MULTIPLIER) & _MASK
        value = ((value * _MULTIPLIER) & _MASK) ^ mixed
    if whole != length:
        value = ((value ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER) & _MASK
    value = ((value ^ (value >> 13)) * _MULTIPLIER) & _MASK
    return value ^ (value >> 15)
