"""Is a body of the form that its source's kind sends? Media type first, then syntax."""

from collections.abc import Mapping

import msgspec

from ingest.domain.rejection import RejectionReason
from ingest.domain.sources import SourceKind
from ingest.entrypoints.http.refusals import OtherReason, Refused

_XML = ("text/xml", "application/xml", "application/soap+xml")
_JSON = ("application/json", "text/json")
_CLOUDEVENTS = ("application/cloudevents+json", "application/cloudevents-batch+json", *_JSON)
_ACCEPTED: Mapping[SourceKind, tuple[str, ...]] = {
    SourceKind.HUBSPOT: _JSON,
    SourceKind.SALESFORCE_OUTBOUND_MESSAGE: _XML,
    SourceKind.PIPEDRIVE: _JSON,
    SourceKind.STANDARD_WEBHOOKS: _JSON,
    SourceKind.CLOUDEVENTS: _CLOUDEVENTS,
    SourceKind.JSON: _JSON,
}
_any_json = msgspec.json.Decoder(msgspec.Raw)


def check_media_type(kind: SourceKind, headers: Mapping[str, str]) -> None:
    """Raises `Refused` (415)."""
    given = headers.get("content-type", "")
    accepted = _ACCEPTED[kind]
    if given in accepted:
        return
    plain = given.partition(";")[0].strip().lower()
    if plain in accepted or (plain.endswith("+json") and kind is not SourceKind.SALESFORCE_OUTBOUND_MESSAGE):
        return
    detail = f"Content-Type {plain[:80]!r} is not what {kind.value} sends: {' or '.join(accepted)}"
    raise Refused(415, OtherReason.MEDIA_TYPE, detail, ((b"accept-post", ", ".join(accepted).encode()),))


def check_syntax(kind: SourceKind, body: bytes) -> None:
    """Whether the body is JSON where it should be; XML was read when it was verified. Raises `Refused` (400)."""
    if kind is SourceKind.SALESFORCE_OUTBOUND_MESSAGE:
        return
    try:
        _any_json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, RejectionReason.MALFORMED_BODY.value, f"the body is not JSON: {error}") from None
    except RecursionError:
        raise Refused(400, RejectionReason.MALFORMED_BODY.value, "the body's JSON is nested too deep") from None
