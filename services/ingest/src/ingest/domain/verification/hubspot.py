"""HubSpot's three signatures.

v1: hex sha256(secret + body). v2: hex sha256(secret + METHOD + URI + body). v3: base64 HMAC-SHA256 keyed with the
secret over METHOD + URI + body + timestamp, the timestamp in milliseconds and not older than five minutes.
Source: HubSpot, "Validating requests"; the URI is the configured public one, for a proxy changes what the app sees.
"""

import base64
import functools
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from ingest.domain.rejection import Rejected, RejectionReason
from ingest.domain.secret import Secret, any_matches
from ingest.domain.sources import Source
from ingest.domain.verification.freshness import check_fresh

_DECODED_IN_V3: Mapping[str, str] = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
_CURE = "is the secret the app's client secret, and public_url exactly the address that HubSpot calls?"
_ENCODED = re.compile("|".join(_DECODED_IN_V3), re.IGNORECASE)


def verify(source: Source, *, method: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Check the newest signature that the request carries; an older one beside it is not fallen back to."""
    v3 = headers.get("x-hubspot-signature-v3")
    if v3 is not None:
        _verify_v3(source, v3, method=method, url=url, headers=headers, body=body, now=now)
        return
    given = headers.get("x-hubspot-signature")
    if given is None:
        raise Rejected(
            RejectionReason.MISSING_SIGNATURE, "neither X-HubSpot-Signature-v3 nor X-HubSpot-Signature is there"
        )
    version = headers.get("x-hubspot-signature-version", "v1")
    if version not in ("v1", "v2"):
        raise Rejected(RejectionReason.MALFORMED_SIGNATURE, f"X-HubSpot-Signature-Version {version!r:.10} is unknown")
    signed = body if version == "v1" else f"{method}{url}".encode() + body
    expected = [Secret(_sha256(secret, signed)) for secret in source.secrets]
    if not any_matches(expected, given):
        raise Rejected(RejectionReason.BAD_SIGNATURE, f"the {version} signature does not fit; {_CURE}")


def _verify_v3(
    source: Source,
    given: str,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> None:
    timestamp = headers.get("x-hubspot-request-timestamp")
    check_fresh(timestamp, now=now, per_second=1000, header="X-HubSpot-Request-Timestamp")
    signed = f"{method}{decoded_uri(url)}".encode() + body + (timestamp or "").encode()
    expected = [Secret(_hmac(secret, signed)) for secret in source.secrets]
    if not any_matches(expected, given):
        raise Rejected(RejectionReason.BAD_SIGNATURE, f"the v3 signature does not fit; {_CURE}")


@functools.lru_cache(maxsize=256)  # nearly always the same: the configured address
def decoded_uri(url: str) -> str:
    """The URI as v3 signs it: only twelve of the percent-encoded characters are decoded."""
    return _ENCODED.sub(lambda match: _DECODED_IN_V3[match.group().upper()], url)


def _sha256(secret: Secret, signed: bytes) -> str:
    return hashlib.sha256(secret.reveal().encode() + signed).hexdigest()


def _hmac(secret: Secret, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.reveal().encode(), signed, "sha256")).decode()
