"""Serve an ASGI app as one supervised task of a service."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from shared.supervision import Task


class PortTakenError(Exception):
    """The address can't be listened on; the text says which and how to change it."""


def listen(host: str, port: int, *, variable: str) -> socket.socket:
    """Bind now, so that a taken port is told before anything else starts. `variable` names the setting to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # Listening at once: with SO_REUSEADDR two sockets may be bound alike, and only the second listener is refused.
        bound.listen(2048)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(f"{host}:{port} is taken by another process; set {variable} to a free port") from error
        raise PortTakenError(f"can't listen on {host}:{port}: {error.strerror}; see {variable}") from error
    bound.settimeout(0)
    return bound


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the service's supervisor has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def http_task(app: Any, bound: socket.socket, *, grace_seconds: float) -> Task:  # noqa: ANN401 - any ASGI app
    """A task that serves `app` on a bound socket until stopped; requests under way get `grace_seconds`."""

    async def serve(stop: asyncio.Event) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=max(1, int(grace_seconds)),
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
        finally:
            stopping.cancel()
            bound.close()

    return serve
