"""What operators ask a service over HTTP: is it alive, is it ready (and what is missing), its metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from shared.logs import get_logger
from shared.metrics import SCRAPE_REFRESH_FAILURES, Metrics

logger = get_logger(__name__)

CHECK_SECONDS = 3.0
"""How long one readiness check may take."""
REFRESH_SECONDS = 5.0
"""How long gauges that come from the database may take at a scrape; a default scrape times out after 10 s."""

Check = Callable[[], Awaitable[None]]
"""Returns when what it looks at is in order; raises with the reason otherwise."""


class Missing(msgspec.Struct, frozen=True):
    """A part that isn't ready, and why."""

    name: str
    reason: str


class Operations:
    """Readiness checks and scrape refreshers of one service, and the routes that serve them."""

    def __init__(self, *, metrics: Metrics) -> None:
        self._metrics = metrics
        self._checks: dict[str, Check] = {}
        self._refreshers: dict[str, Check] = {}
        self._failures = metrics.counter(SCRAPE_REFRESH_FAILURES)

    def ready_when(self, name: str, check: Check) -> None:
        """Count the service ready only while `check` passes."""
        self._checks[name] = check

    def refresh_on_scrape(self, name: str, refresh: Check) -> None:
        """Await `refresh` before metrics are given out: for gauges that come from the database."""
        self._refreshers[name] = refresh
        self._failures.labels(refresh=name)

    async def missing(self) -> Sequence[Missing]:
        """The parts that are not ready; empty means ready."""
        names = list(self._checks)
        reasons = await asyncio.gather(*(_reason(self._checks[name]) for name in names))
        return [Missing(name, reason) for name, reason in zip(names, reasons, strict=True) if reason is not None]

    def routes(self) -> list[BaseRoute]:
        """`/livez`, `/readyz` and `/metrics`."""
        return [
            Route("/livez", self._livez, methods=["GET"]),
            Route("/readyz", self._readyz, methods=["GET"]),
            Route("/metrics", self._scrape, methods=["GET"]),
        ]

    async def _livez(self, _request: Request) -> Response:
        return json_response(200, {"status": "alive"})

    async def _readyz(self, _request: Request) -> Response:
        missing = await self.missing()
        if missing:
            return json_response(503, {"status": "not ready", "missing": missing})
        return json_response(200, {"status": "ready"})

    async def _scrape(self, _request: Request) -> Response:
        for name, refresh in self._refreshers.items():
            try:
                await asyncio.wait_for(refresh(), REFRESH_SECONDS)
            except Exception as error:  # noqa: BLE001 - the other metrics must still be had; counted and logged
                self._failures.labels(refresh=name).inc()
                logger.warning("scrape_refresh_failed", refresh=name, error=repr(error))
        return Response(generate_latest(self._metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def _reason(check: Check) -> str | None:
    try:
        await asyncio.wait_for(check(), CHECK_SECONDS)
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - whatever is wrong is the answer to give
        return str(error) or type(error).__name__
    return None


def json_response(status: int, content: object) -> Response:
    """`content` as JSON, by msgspec."""
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")
