"""A lead's dossier: everything the engine stores about one lead, decoded."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from shared.events.envelope import ChangeOrigin, TimeSource
from shared.events.lead import LeadEvent
from sla_engine.domain.announced import Announced
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us, to_us

Filed = Mapping[str, int]
"""Obligation id → fingerprint of its row as it stands in the database, so that only what changed is written."""


class Dossier(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One lead as stored. `id` None: not stored yet. `wake_us` None: time alone will say nothing more."""

    key: str
    history: History
    id: int | None = None
    announced: Announced = Announced()
    filed: Filed = {}
    wake_us: int | None = None


_filed_encoder = msgspec.msgpack.Encoder()
_filed_decoder: msgspec.msgpack.Decoder[dict[str, int]] = msgspec.msgpack.Decoder(dict[str, int])


def filed_to_bytes(filed: Filed) -> bytes:
    """For one column of one row."""
    return _filed_encoder.encode(filed)


def filed_from_bytes(data: bytes | memoryview) -> Filed:
    """Read what `filed_to_bytes` wrote."""
    return _filed_decoder.decode(data)


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event's time came from, for the people who read the timeline."""

    time_source: TimeSource
    origin: ChangeOrigin
    received_us: int

    @property
    def received_at(self) -> datetime:
        """When our side got it."""
        return from_us(self.received_us)


_TIME_SOURCES = tuple(TimeSource)
_ORIGINS = tuple(ChangeOrigin)
_CODES = {
    time_source + origin: bytes((at, by))
    for at, time_source in enumerate(_TIME_SOURCES)
    for by, origin in enumerate(_ORIGINS)
}
"""By the two words put together: a plain text, while hashing a member of an enum is a call of Python."""
assert len(_CODES) == len(_TIME_SOURCES) * len(_ORIGINS), "no two pairs of words make one text"
_ENTRY_BYTES = 18
_ID_BYTES = 8


def provenance_to_bytes(events: Iterable[LeadEvent]) -> bytes:
    """18 bytes an event, appended to the lead's row and read only for its page: 8 of id, 2 of enums, 8 of arrival.

    Histories keep what judgement needs and no more; this keeps what only people ask for out of the hot path.
    """
    return b"".join(
        [
            _short_id(event.id)
            + _CODES[event.time_source + event.origin]
            + to_us(event.received_at).to_bytes(8, "big", signed=True)
            for event in events
        ]
    )


def provenance_of(data: bytes, event_ids: Iterable[str]) -> Mapping[str, Provenance]:
    """The provenance of these events, as far as it is known; the first arrival counts."""
    entries: dict[bytes, bytes] = {}
    for at in range(0, len(data) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        entries.setdefault(data[at : at + _ID_BYTES], data[at + _ID_BYTES : at + _ENTRY_BYTES])
    found = {event_id: entries.get(_short_id(event_id)) for event_id in event_ids}
    return {event_id: _provenance(entry) for event_id, entry in found.items() if entry is not None}


def _provenance(entry: bytes) -> Provenance:
    return Provenance(
        time_source=_TIME_SOURCES[entry[0]],
        origin=_ORIGINS[entry[1]],
        received_us=int.from_bytes(entry[2:], "big", signed=True),
    )


def _short_id(event_id: str) -> bytes:
    return hashlib.blake2b(event_id.encode(), digest_size=_ID_BYTES).digest()
