"""Sources and raw requests for tests, as short as the test's own concern allows."""

import json
from datetime import UTC, datetime

from ingest.domain.raw_request import RawRequest, request_id
from ingest.domain.secret import Secret
from ingest.domain.sources import Authentication, AuthMethod, Source, SourceKind, SourceMapping

RECEIVED_AT = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)

_METHODS = {
    SourceKind.HUBSPOT: AuthMethod.HUBSPOT,
    SourceKind.SALESFORCE_OUTBOUND_MESSAGE: AuthMethod.SALESFORCE,
    SourceKind.PIPEDRIVE: AuthMethod.BASIC,
    SourceKind.STANDARD_WEBHOOKS: AuthMethod.STANDARD_WEBHOOKS,
}


def source_of(
    kind: SourceKind,
    mapping: SourceMapping | None = None,
    *,
    name: str = "crm",
    secrets: tuple[str, ...] = (),
    account: str | None = None,
    public_url: str = "https://in.example.com/webhooks/crm",
    authentication: Authentication | None = None,
    keep_headers: frozenset[str] = frozenset(),
) -> Source:
    """A source of that kind, verified as its kind is."""
    return Source(
        name=name,
        kind=kind,
        public_url=public_url,
        authentication=authentication or Authentication(method=_METHODS.get(kind, AuthMethod.NONE)),
        secrets=tuple(Secret(one) for one in secrets),
        account=account,
        keep_headers=keep_headers,
        mapping=mapping or SourceMapping(),
    )


def raw_of(
    source: Source,
    body: object,
    *,
    headers: dict[str, str] | None = None,
    received_at: datetime = RECEIVED_AT,
    traceparent: str | None = None,
) -> RawRequest:
    """A raw request with that body: bytes as they are, text as UTF-8, anything else as JSON."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return RawRequest(
        id=request_id(source=source.name, received_at=received_at, body=content),
        source=source.name,
        kind=source.kind,
        method="POST",
        url=source.public_url,
        headers=tuple(sorted((headers or {"content-type": "application/json"}).items())),
        body=content,
        received_at=received_at,
        traceparent=traceparent,
    )
