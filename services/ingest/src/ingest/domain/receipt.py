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
        headers=tuple(sorted((name, value) for name, value in headers.items() if _is_kept(source, name))),
        body=body,
        received_at=received_at,
        traceparent=traceparent,
    )


def _is_kept(source: Source, name: str) -> bool:
    if name in NEVER_KEPT or name == source.authentication.header:
        return False
    return name in KEPT_HEADERS or name.startswith(KEPT_PREFIX) or name in source.keep_headers
