"""From a verified request to what is kept of it: nothing that would let a reader of the stream act as somebody."""

from collections.abc import Mapping
from datetime import datetime

from ingest.domain import salesforce_message
from ingest.domain.raw_request import RawRequest, request_id
from ingest.domain.rejection import Rejected, RejectionReason
from ingest.domain.sources import Source, SourceKind

KEPT_HEADERS = frozenset({"content-type", "webhook-id", "webhook-timestamp"})
KEPT_PREFIX = "ce-"
NEVER_KEPT = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
"""Not even where a source's `keep_headers` asks for them; nor the header that carries its signature or secret."""


def accept(
    source: Source,
    *,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    received_at: datetime,
    traceparent: str | None = None,
) -> RawRequest:
    """What is kept of a verified request. `headers` have lower-case names, `body` is decompressed.

    Of the address only the source's public URL is kept: what a sender adds to it may be a secret. Raises `Rejected`
    (malformed body) when a Salesforce message can't be read far enough to take its session id out.
    """
    if source.kind is SourceKind.SALESFORCE_OUTBOUND_MESSAGE:
        try:
            body = salesforce_message.without_session_id(body)
        except salesforce_message.UnreadableMessage as error:
            raise Rejected(RejectionReason.MALFORMED_BODY, str(error)) from error
    return RawRequest(
        id=request_id(source=source.name, received_at=received_at, body=body),
        source=source.name,
        kind=source.kind,
        method=method,
        url=source.public_url,
        headers=_kept(source, headers),
        body=body,
        received_at=received_at,
        traceparent=traceparent,
    )


def _kept(source: Source, headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """In the order of their names. One expression, not a call a header: this is done in every request."""
    wanted, credentials = source.keep_headers, source.authentication.header
    kept = [
        (name, value)
        for name, value in headers.items()
        if (name in KEPT_HEADERS or name in wanted or name.startswith(KEPT_PREFIX))
        and name not in NEVER_KEPT
        and name != credentials
    ]
    return tuple(sorted(kept))
