"""`POST /webhooks/{source}`: verify, store, answer. Nothing else happens in the request.

A bare ASGI endpoint: the framework's request objects would cost more than all that is done here.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import datetime
from typing import Any

from ingest.application.intake import Intake
from ingest.application.ports import SpoolFull
from ingest.domain.receipt import accept
from ingest.domain.rejection import Rejected, RejectionReason
from ingest.domain.sources import Source, SourceKind, Sources
from ingest.domain.verify import verify
from ingest.entrypoints.http.answers import STORED, Answer, Headers, handshake
from ingest.entrypoints.http.body import Receive, decompress, read_body
from ingest.entrypoints.http.content import check_media_type, check_syntax
from ingest.entrypoints.http.figures import Figures
from ingest.entrypoints.http.refusals import OtherReason, Refused, of_rejection, problem_body
from ingest.entrypoints.http.trace import traceparent_of
from shared.logs import get_logger
from shared.streams.port import RecordTooLarge

logger = get_logger(__name__)

PREFIX = "/webhooks/"
RETRY_AFTER_SECONDS = 10

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Webhooks:
    """The endpoint; call it as an ASGI app on paths that begin with `/webhooks/`."""

    def __init__(self, *, sources: Sources, intake: Intake, figures: Figures, clock: Callable[[], datetime]) -> None:
        self._sources = sources
        self._intake = intake
        self._figures = figures
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        began = time.perf_counter()
        name, _, _ = str(scope["path"])[len(PREFIX) :].partition("/")
        figures = self._figures.of(name)
        try:
            answer = await self._answer(name, scope, receive)
        except Refused as refused:
            figures.refused(refused.status, refused.reason, seconds=time.perf_counter() - began)
            logger.info("webhook_refused", source=name[:80], status=refused.status, reason=refused.reason)
            await _send(send, _problem(refused, scope))
        except Exception:
            failed = Refused(500, OtherReason.FAILED, "the service failed on this request; its log has the trace")
            figures.refused(500, failed.reason, seconds=time.perf_counter() - began)
            logger.exception("webhook_failed", source=name[:80])
            await _send(send, _problem(failed, scope))
        else:
            figures.stored(answer.status, seconds=time.perf_counter() - began)
            await _send(send, answer)

    async def _answer(self, name: str, scope: Scope, receive: Receive) -> Answer:
        source = self._sources.get(name)
        if source is None:
            raise Refused(404, OtherReason.UNKNOWN_SOURCE, "the sources file names no such source")
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        method = scope["method"]
        if method != "POST":
            return _not_post(source, method, headers)
        check_media_type(source.kind, headers)
        raw = await read_body(receive, headers, limit=source.max_body_bytes)
        now = self._clock()
        body = _verified(source, scope, headers, raw, now=now)
        check_syntax(source.kind, body)
        try:
            request = accept(
                source,
                method=method,
                headers=headers,
                body=body,
                received_at=now,
                traceparent=traceparent_of(headers.get("traceparent")),
            )
            await self._intake.store(request)
        except Rejected as rejected:
            raise of_rejection(rejected) from rejected
        except RecordTooLarge as error:
            raise Refused(413, OtherReason.TOO_LARGE, str(error)) from error
        except SpoolFull as error:
            logger.error("spool_full", reason=str(error))  # noqa: TRY400 - the trace would say nothing more
            headers_to_wait = ((b"retry-after", str(RETRY_AFTER_SECONDS).encode()),)
            detail = "neither the stream nor the local spool can take the request now"
            raise Refused(503, OtherReason.NO_ROOM, detail, headers_to_wait) from error
        return STORED[source.kind]


def _verified(source: Source, scope: Scope, headers: Mapping[str, str], raw: bytes, *, now: datetime) -> bytes:
    """The content of a genuine request, decompressed.

    Senders sign before they compress; a few sign what they send. Either proves who it is.
    """
    url = _public_url(source, scope)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    compressed = encoding not in {"", "identity"}
    body = decompress(raw, encoding=encoding, limit=source.max_body_bytes) if compressed else raw
    try:
        try:
            verify(source, method=scope["method"], url=url, headers=headers, body=body, now=now)
        except Rejected as rejected:
            if not compressed or rejected.reason is not RejectionReason.BAD_SIGNATURE:
                raise
            verify(source, method=scope["method"], url=url, headers=headers, body=raw, now=now)
    except Rejected as rejected:
        raise of_rejection(rejected) from rejected
    return body


def _public_url(source: Source, scope: Scope) -> str:
    """The address as the sender knows it: the configured one, with what it added below it."""
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    below = path[len(PREFIX) :].partition("/")
    url = source.public_url + below[1] + below[2]
    query = scope["query_string"]
    return f"{url}?{query.decode('latin-1')}" if query else url


def _not_post(source: Source, method: str, headers: Mapping[str, str]) -> Answer:
    greets = source.kind is SourceKind.CLOUDEVENTS
    if method == "OPTIONS" and greets:
        return Answer(status=200, headers=handshake(headers), body=b"")
    allow = b"POST, OPTIONS" if greets else b"POST"
    raise Refused(405, OtherReason.METHOD, "a webhook is sent with POST", ((b"allow", allow),))


def _problem(refused: Refused, scope: Scope) -> Answer:
    body = problem_body(refused, path=scope["path"])
    headers: Headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        *refused.headers,
    ]
    return Answer(status=refused.status, headers=headers, body=body)


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
