"""A webhook request as it came in, as it is kept on `crm.received`.

Kept are the body, the few headers that translating needs, and where and when it came in: never a secret, a signature,
a cookie or a session id. What a new request is stripped of is said in `ingest.domain.receipt`.
"""

import hashlib
from datetime import UTC, datetime, timedelta

import msgspec

from ingest.domain.sources import SourceKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class RawRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`headers` have lower-case names; `body` is decompressed; `url` is the source's public URL without a query."""

    id: str
    source: str
    kind: SourceKind
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    received_at: datetime
    traceparent: str | None = None

    def header(self, name: str) -> str | None:
        """The first header of that (lower-case) name."""
        return next((value for key, value in self.headers if key == name), None)


def request_id(*, source: str, received_at: datetime, body: bytes) -> str:
    """32 hexadecimal digits that sort by time of receipt: 12 of milliseconds since 1970, 20 of a hash.

    The same bytes on the same source in the same microsecond are one request.
    """
    micros = (received_at - _EPOCH) // _MICROSECOND
    digest = hashlib.sha256(f"{len(source)}:{source}:{micros}:".encode())
    digest.update(body)
    return f"{micros // 1000:012x}{digest.hexdigest()[:20]}"


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[RawRequest] = msgspec.msgpack.Decoder(RawRequest)


def encode(request: RawRequest) -> bytes:
    """One request as MessagePack: a body is bytes, which JSON could only carry blown up by a third."""
    return _encoder.encode(request)


def decode(data: bytes | memoryview) -> RawRequest:
    """One request from MessagePack. Raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    return _decoder.decode(data)
