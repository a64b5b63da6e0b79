"""The two servers that are compared, each a process of its own.

`python -m tests.bench.ingest_servers bare|receive PORT STREAM_URL [DATABASE_URL]`: `bare` appends the body and answers;
`receive` is ingest's own receiving app as `ingest run` wires it, without the translation.
"""

import asyncio
import contextlib
import gc
import sys
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from ingest.adapters.spool import DiskSpool
from ingest.application.intake import Intake
from ingest.domain.secret import Secret
from ingest.domain.sources import Authentication, AuthMethod, Source, SourceKind
from ingest.entrypoints.http.app import make_app
from ingest.entrypoints.http.figures import Figures
from ingest.entrypoints.http.webhooks import Webhooks
from shared.events.topics import CRM_RECEIVED
from shared.http_server import http_task, listen
from shared.logs import configure_logs
from shared.metrics import Metrics
from shared.operations import Operations
from shared.settings import LogFormat
from shared.streams.connect import open_stream
from shared.streams.port import Record, Stream
from shared.supervision import stop_on_signals
from tests.bench.ingest_load import PUBLIC_URL, SECRET

PARTITIONS = 8
KEY = b"hubspot"
Message = MutableMapping[str, Any]

SOURCE = Source(
    name="hubspot",
    kind=SourceKind.HUBSPOT,
    public_url=PUBLIC_URL,
    authentication=Authentication(method=AuthMethod.HUBSPOT),
    secrets=(Secret(SECRET),),
)


class Bare:
    """The least that can be done: read, append, answer."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """One request."""
        assert scope["type"] == "http"
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        await self._stream.append(CRM_RECEIVED, (Record(key=KEY, value=body),))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def receiving_app(stream: Stream, spool: DiskSpool) -> Any:  # noqa: ANN401 - any ASGI app
    """Ingest's own app."""
    metrics = Metrics(service="ingest", version="bench")
    sources = {SOURCE.name: SOURCE}
    intake = Intake(stream=stream, spool=spool, append_timeout_seconds=5)
    webhooks = Webhooks(
        sources=sources, intake=intake, figures=Figures(metrics, sources), clock=lambda: datetime.now(UTC)
    )
    return make_app(sources=sources, webhooks=webhooks, operations=Operations(metrics=metrics))


async def serve(which: str, port: int, stream_url: str | None, database_url: str | None) -> None:
    """Serve until SIGTERM."""
    configure_logs(service=which, level="WARNING", log_format=LogFormat.CONSOLE)
    stop = asyncio.Event()
    bound = listen("127.0.0.1", port, variable="PORT")
    async with contextlib.AsyncExitStack() as stack:
        opening = open_stream(stream_url, database_url=database_url, client_id=which)
        stream = await stack.enter_async_context(opening)
        await stream.ensure_topic(CRM_RECEIVED, partitions=PARTITIONS)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="leadpact-bench-"))
        spool = await stack.enter_async_context(DiskSpool(Path(folder), max_bytes=10_000_000))
        app = Bare(stream) if which == "bare" else receiving_app(stream, spool)
        gc.collect()
        gc.freeze()
        with stop_on_signals(stop):
            await http_task(app, bound, grace_seconds=2)(stop)
        assert not spool.pending, "requests went to the spool: the stream was away, the figures say nothing"


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3] or None, sys.argv[4] if len(sys.argv) > 4 else None))
