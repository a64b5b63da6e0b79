"""A raw request without a lead: for a person who asked to be deleted.

A request of many parts loses those that are about the lead; any other is given up whole. A part is about a lead if it
was translated into events of it, or if one of its fields that hold ids holds the lead's.
"""

import re
from collections.abc import Collection, Mapping, Sequence

import msgspec

from ingest.domain.lead_key import ids_in, may_come_from
from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import Source
from ingest.domain.translate import translate

_ID_FIELD = re.compile(r"id|key|contact|lead|person|record", re.IGNORECASE)
_parts_decoder: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
NOTHING = b"null"
"""What stands in the place of a part that is gone, so that the others keep their numbers."""


class Bared(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a request: `request` None: nothing. `gone` are the numbers of the parts that went."""

    request: RawRequest | None
    gone: frozenset[int] = frozenset()


def without_lead(request: RawRequest, lead: str, source: Source | None) -> Bared:
    """What is left of a request when all is gone that is about this lead. `source` None: it is not known any more."""
    if source is not None and not may_come_from(lead, source):
        return Bared(request=request)
    translated = _translated_parts(request, lead, source)
    try:
        parts: Sequence[msgspec.Raw] = _parts_decoder.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        about = bool(translated) or _speaks_of(request.body, ids_in(lead))
        return Bared(request=None if about else request)
    gone = frozenset(
        [number for number, part in enumerate(parts) if number in translated or _is_about(bytes(part), ids_in(lead))]
    )
    if not gone:
        return Bared(request=request)
    if len(gone) == len(parts):
        return Bared(request=None, gone=gone)
    left = [NOTHING if number in gone else bytes(part) for number, part in enumerate(parts)]
    return Bared(request=msgspec.structs.replace(request, body=b"[" + b",".join(left) + b"]"), gone=gone)


def _translated_parts(request: RawRequest, lead: str, source: Source | None) -> Collection[int]:
    if source is None or source.kind is not request.kind:
        return ()
    return {step.part for step in translate(request, source).steps if step.event.lead == lead}


def _speaks_of(body: bytes, ids: Sequence[str]) -> bool:
    """Whether a body that is no list of parts speaks of an id."""
    try:
        return _holds(msgspec.json.decode(body), ids, named=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body.decode("utf-8", "replace")
        return any(re.search(rf"(?<![A-Za-z0-9]){re.escape(each)}(?![A-Za-z0-9])", text) for each in ids)


def _is_about(part: bytes, ids: Sequence[str]) -> bool:
    try:
        return _holds(msgspec.json.decode(part), ids, named=False)
    except (msgspec.DecodeError, RecursionError):
        return any(each.encode() in part for each in ids)


def _holds(value: object, ids: Sequence[str], *, named: bool) -> bool:
    """Whether one of the ids stands in a field whose name (`named`) says that it may hold ids."""
    if isinstance(value, Mapping):
        return any(_holds(each, ids, named=bool(_ID_FIELD.search(str(name)))) for name, each in value.items())
    if isinstance(value, list):
        return any(_holds(each, ids, named=named) for each in value)
    return named and isinstance(value, str | int) and not isinstance(value, bool) and str(value) in ids
