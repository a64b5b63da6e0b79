"""A service that still waits for its database answers: alive, not ready, and why; then the service itself answers."""

import asyncio

import httpx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from shared.http_server import http_task, listen
from shared.starting import Starting


async def test_it_says_what_it_waits_for_and_hands_the_address_over() -> None:
    bound = listen("127.0.0.1", 0, variable="LEADPACT_SOME_PORT")
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    starting = Starting()
    async with httpx.AsyncClient(base_url=url) as client:
        async with starting.answering(bound):
            starting.waits_for("database", "no answer from db.internal:5432")
            assert (await client.get("/livez")).status_code == 200
            ready = await client.get("/readyz")
            page = await client.get("/leads/1")
        assert ready.status_code == 503
        assert ready.json()["missing"] == [{"name": "database", "reason": "no answer from db.internal:5432"}]
        assert page.status_code == 503
        assert page.headers["retry-after"] == "2"
        assert "waits for: database" in page.json()["detail"]

        async def hello(_request: object) -> PlainTextResponse:
            return PlainTextResponse("started")

        stop = asyncio.Event()
        app = Starlette(routes=[Route("/", hello)])
        serving = asyncio.ensure_future(http_task(app, bound, grace_seconds=1)(stop))
        try:
            assert (await client.get("/")).text == "started"
        finally:
            stop.set()
            await serving
