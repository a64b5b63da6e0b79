"""Asking the engine: its answer counts, its silence does not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from notifier.adapters.engine_api import EngineApi
from tests.integration.notifier.harness import session

ANSWERS: dict[str, Any] = {
    "kept": {"state": "met"},
    "excused": {"state": "excused"},
    "broken": {"state": "breached"},
    "odd": ["nothing"],
}


@pytest.fixture
async def engine_url() -> AsyncIterator[str]:
    """An engine that knows a few promises."""

    async def obligation(request: web.Request) -> web.Response:
        known = ANSWERS.get(request.match_info["id"])
        return web.Response(status=404) if known is None else web.json_response(known)

    app = web.Application()
    app.router.add_get("/api/v1/obligations/{id}", obligation)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("obligation", "reason"),
    [
        ("kept", "kept before it was sent"),
        ("excused", "excused before it was sent"),
        ("broken", None),
        ("unknown", None),
        ("odd", None),
    ],
)
async def test_only_a_settled_promise_is_not_announced(engine_url: str, obligation: str, reason: str | None) -> None:
    async with session() as opened:
        assert await EngineApi(url=engine_url, session=opened).is_settled(obligation) == reason


async def test_an_engine_that_is_away_stops_nothing() -> None:
    async with session() as opened:
        assert await EngineApi(url="http://127.0.0.1:9", session=opened).is_settled("kept") is None
