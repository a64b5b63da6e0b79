"""Standard Webhooks: `v1,<base64>` of HMAC-SHA256 over `id.timestamp.body`, any of several secrets and signatures.

The `standardwebhooks` library signs; its `verify` is not used, for it reads the clock, decodes the body to text and
raises untyped errors on odd headers.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

from ingest.domain.rejection import Rejected, RejectionReason
from ingest.domain.secret import Secret, any_matches
from ingest.domain.sources import Source
from ingest.domain.verification.freshness import check_fresh

_MOST_SIGNATURES = 20


def verify(source: Source, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Check the three `webhook-*` headers against the body."""
    message_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not message_id or not signatures:
        raise Rejected(RejectionReason.MISSING_SIGNATURE, "webhook-id or webhook-signature is missing")
    check_fresh(timestamp, now=now, per_second=1, header="webhook-timestamp")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Rejected(RejectionReason.MALFORMED_BODY, "the body is not UTF-8") from error
    instant = datetime.fromtimestamp(int(timestamp or "0"), tz=UTC)
    expected = [Secret(Webhook(secret.reveal()).sign(message_id, instant, text)) for secret in source.secrets]
    given = [one for one in signatures.split(" ")[:_MOST_SIGNATURES] if one.startswith("v1,")]
    if not given:
        raise Rejected(RejectionReason.MALFORMED_SIGNATURE, "webhook-signature holds no v1 signature")
    matches = [any_matches(expected, one) for one in given]
    if not any(matches):
        raise Rejected(RejectionReason.BAD_SIGNATURE, "no v1 signature is that of a configured secret")
