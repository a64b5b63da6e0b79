"""Does this request come from whom it says?"""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from ingest.domain.sources import AuthMethod, Source
from ingest.domain.verification import hubspot, salesforce, shared_secret, standard_webhooks


def verify(source: Source, *, method: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Return if the request is genuine, raise `Rejected` (with a reason of a closed set) if not.

    `url` is the configured public URL with the path below it and the query as they came in, undecoded; `headers` have
    lower-case names; `body` are the raw bytes as the sender signed them. Comparisons take constant time.
    """
    scheme = source.authentication.method
    match scheme:
        case AuthMethod.HUBSPOT:
            hubspot.verify(source, method=method, url=url, headers=headers, body=body, now=now)
        case AuthMethod.SALESFORCE:
            salesforce.verify(source, url=url, body=body)
        case AuthMethod.STANDARD_WEBHOOKS:
            standard_webhooks.verify(source, headers=headers, body=body, now=now)
        case AuthMethod.BASIC:
            shared_secret.verify_basic(source, headers=headers)
        case AuthMethod.BEARER:
            shared_secret.verify_bearer(source, headers=headers)
        case AuthMethod.HEADER:
            shared_secret.verify_header(source, headers=headers)
        case AuthMethod.HMAC_SHA256:
            shared_secret.verify_hmac(source, headers=headers, body=body)
        case AuthMethod.NONE:
            return
        case _:
            assert_never(scheme)
