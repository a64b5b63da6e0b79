"""Raw requests into lead events and dead letters: what the consumer, redrive and replay share."""

from collections.abc import Sequence

import msgspec

from ingest.application.ports import DeadLetter
from ingest.domain import raw_request
from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import Sources
from ingest.domain.translate import translate
from ingest.domain.translation import Failure, FailureReason, Translation
from shared.events import lead
from shared.events.cloudevents import lead_event_headers
from shared.events.identity import identifier
from shared.events.lead import LeadEvent
from shared.streams.port import Record
from shared.streams.sizes import MAX_RECORD_BYTES, record_bytes

UNDECODABLE = "undecodable_record"
UNKNOWN_SOURCE = "unknown_source"
EVENT_TOO_LARGE = "event_too_large"
REASONS: Sequence[str] = (*(reason.value for reason in FailureReason), UNDECODABLE, UNKNOWN_SOURCE, EVENT_TOO_LARGE)
"""Every reason that a dead letter can have."""


class Translated(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one record of `crm.received`; `request` None: it could not be decoded."""

    request: RawRequest | None
    events: Sequence[LeadEvent] = ()
    records: Sequence[Record] = ()
    letters: Sequence[DeadLetter] = ()


def translated(value: bytes, sources: Sources, *, reading: int = 0) -> Translated:
    """What a record's value becomes under the present mapping. Never raises.

    `reading` goes into the events: 0 for what was just received, the time (milliseconds since 1970) of a replay or
    redrive, by which the engine knows which of two readings of one change is the later.
    """
    try:
        request = raw_request.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Translated(request=None, letters=(_undecodable(value, str(error)),))
    source = sources.get(request.source)
    if source is None:
        detail = f"the sources file names no source '{request.source}' (any more); add it and redrive"
        return Translated(request=request, letters=(_letter(request, value, None, UNKNOWN_SOURCE, detail),))
    if source.kind is not request.kind:
        detail = f"it was received as kind '{request.kind}', but source '{source.name}' is of kind '{source.kind}' now"
        return Translated(request=request, letters=(_letter(request, value, None, UNKNOWN_SOURCE, detail),))
    return _outcome(request, value, translate(request, source), reading)


def event_record(event: LeadEvent) -> Record:
    """The event as it stands on `lead.events`."""
    return Record(key=event.lead.encode(), value=lead.encode(event), headers=lead_event_headers(event))


def _outcome(request: RawRequest, value: bytes, translation: Translation, reading: int) -> Translated:
    letters = [_of_failure(request, value, failure) for failure in translation.failures]
    events, records = [], []
    for step in translation.steps:
        event = msgspec.structs.replace(step.event, reading=reading) if reading else step.event
        record = event_record(event)
        if record_bytes(record) > MAX_RECORD_BYTES:
            detail = f"its {lead.event_type(event)} is over the stream's limit of {MAX_RECORD_BYTES} bytes"
            letters.append(_letter(request, value, step.part, EVENT_TOO_LARGE, detail))
        else:
            events.append(event)
            records.append(record)
    return Translated(request=request, events=events, records=records, letters=letters)


def _of_failure(request: RawRequest, value: bytes, failure: Failure) -> DeadLetter:
    return _letter(request, value, failure.part, failure.reason.value, failure.detail)


def _letter(request: RawRequest, value: bytes, part: int | None, reason: str, detail: str) -> DeadLetter:
    return DeadLetter(
        id=identifier("dead-letter", request.id, "-" if part is None else str(part)),
        raw_id=request.id,
        source=request.source,
        part=part,
        reason=reason,
        detail=detail,
        request=value,
        received_at=request.received_at,
    )


def _undecodable(value: bytes, why: str) -> DeadLetter:
    content = identifier("undecodable", value.hex())
    return DeadLetter(
        id=identifier("dead-letter", content, "-"),
        raw_id=content,
        source="",
        part=None,
        reason=UNDECODABLE,
        detail=f"the record on crm.received is no raw request: {why}",
        request=value,
        received_at=None,
    )
