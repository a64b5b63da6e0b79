"""A request's body, bounded on the wire and after decompression."""

import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from ingest.entrypoints.http.refusals import OtherReason, Refused

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_CHUNK_BYTES = 256 * 1024


async def read_body(receive: Receive, headers: Mapping[str, str], *, limit: int) -> bytes:
    """The body as it came over the wire. Raises `Refused` (413) beyond `limit` bytes."""
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise _too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return _checked(message, body, limit)
    chunks, size = [body], len(body)
    while message.get("more_body", False):
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return _checked(message, b"".join(chunks), limit)


def decompress(body: bytes, *, encoding: str, limit: int) -> bytes:
    """The content of a gzip or deflate body. Never holds more than `limit` bytes of it.

    Raises `Refused`: 415 for another encoding, 413 beyond the limit, 400 for damaged or cut data.
    """
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        detail = "Content-Encoding must be gzip, deflate or absent"
        raise Refused(415, OtherReason.CONTENT_ENCODING, detail, ((b"accept-encoding", b"gzip, deflate"),))
    try:
        return _inflate(body, _GZIP_OR_ZLIB, limit)
    except zlib.error:
        if encoding != "deflate":
            raise _damaged(encoding) from None
    try:
        return _inflate(body, _RAW_DEFLATE, limit)  # what some senders mean by deflate
    except zlib.error:
        raise _damaged(encoding) from None


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    content = bytearray()
    rest = body
    while rest:  # gzip allows several members, one after the other
        inflater = zlib.decompressobj(window)
        while rest and not inflater.eof:
            content += inflater.decompress(rest, min(_CHUNK_BYTES, limit + 1 - len(content)))
            if len(content) > limit:
                raise _too_large(limit)
            rest = inflater.unconsumed_tail
        if not inflater.eof:
            raise Refused(400, OtherReason.CUT_SHORT, "the compressed body ends in the middle")
        rest = inflater.unused_data
    return bytes(content)


def _checked(message: Mapping[str, Any], body: bytes, limit: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise Refused(400, OtherReason.CUT_SHORT, "the sender hung up in the middle of the body")
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> Refused:
    detail = f"the body is over this source's limit of {limit} bytes (max_body_bytes in the sources file)"
    return Refused(413, OtherReason.TOO_LARGE, detail)


def _damaged(encoding: str) -> Refused:
    return Refused(400, OtherReason.CUT_SHORT, f"the body is not sound {encoding} data")
