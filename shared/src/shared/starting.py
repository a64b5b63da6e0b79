"""A service that waits for what it stands on answers all the same: alive, not ready, and why."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.http_server import http_task
from shared.operations import Missing, json_response
from shared.problem import Problem, problem_response

GRACE_SECONDS = 1.0
RETRY_SECONDS = "2"


class Starting:
    """What is missing for the start, and the answers that say so."""

    def __init__(self) -> None:
        self._missing = Missing("start", "the service has just begun to start")

    def waits_for(self, name: str, reason: str) -> None:
        """Say from now on that `name` is missing, and why."""
        self._missing = Missing(name, reason)

    @contextlib.asynccontextmanager
    async def answering(self, bound: socket.socket) -> AsyncIterator[None]:
        """Answer on the socket meanwhile; it stays open, and who connects in between is served by who comes next."""
        stop = asyncio.Event()
        # A duplicate: the server closes the socket that it is given, and the queue of connections belongs to both.
        serving = asyncio.ensure_future(http_task(self._app(), bound.dup(), grace_seconds=GRACE_SECONDS)(stop))
        try:
            yield
        finally:
            stop.set()
            await serving

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/livez", self._livez, methods=["GET"]),
                Route("/readyz", self._readyz, methods=["GET"]),
                Route("/{path:path}", self._elsewhere),
            ]
        )

    async def _livez(self, _request: Request) -> Response:
        return json_response(200, {"status": "alive"})

    async def _readyz(self, _request: Request) -> Response:
        return json_response(503, {"status": "not ready", "missing": [self._missing]})

    async def _elsewhere(self, request: Request) -> Response:
        detail = f"The service is starting and waits for: {self._missing.name}. {self._missing.reason}"
        problem = Problem(title="Not available for now", status=503, detail=detail, instance=request.url.path)
        return problem_response(problem, headers={"retry-after": RETRY_SECONDS})
