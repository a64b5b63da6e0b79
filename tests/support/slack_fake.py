"""A Slack of our own over its real wire protocol: what the notifier uses of the Web API, and an incoming webhook.

It checks tokens, blocks and the pace (one message a second and channel, real clock), keeps every message with its
edits, and makes the faults that it is asked to make. In a test: `async with slack_fake() as slack`. On its own, for
end-to-end tests: `python -m tests.support.slack_fake --port 8499`, then

    GET  /_control/messages              all messages in order: channel, ts, text, blocks, metadata, edits, via
    GET  /_control/requests              every request: method, channel, at, answer
    POST /_control/faults                {"method": "chat.postMessage", "kind": "lose_response", "times": 1}
    POST /_control/release               let held requests go on
    POST /_control/reset                 forget messages, requests and faults
"""

import argparse
import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

from tests.support.slack_blocks import refusal

TOKEN = "xoxb-fake-token"
WEBHOOK_PATH = "/services/T0FAKE/B0FAKE/secret"
BOT_USER = "U0LEADPACT"


@dataclass(kw_only=True)
class Message:
    """One message as it stands now; `edits` holds what it said before, oldest first."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any]
    via: str
    edits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def headline(self) -> str:
        """The text of its header block."""
        return next((str(block["text"]["text"]) for block in self.blocks if block["type"] == "header"), "")


@dataclass(kw_only=True)
class Fault:
    """What goes wrong the next `times` times that `method` (a Web API method, or `webhook`) is called.

    Kinds: `lose_response` (done, then the connection breaks), `lose_request` (the connection breaks, nothing is done),
    `hold` (done, answered on release), `hold_before` (nothing is done until release), `http_500` (nothing is done),
    `http_500_done` (done), `ratelimited` (429; `seconds` is the Retry-After), `error` (`word` is Slack's error),
    `error_done` (done, and yet the error `word`).
    """

    method: str
    kind: str
    times: int = 1
    seconds: float = 1.0
    word: str = "internal_error"


@dataclass(kw_only=True)
class Seen:
    """One request: `at` by the monotonic clock, `answer` as Slack's error, `ok`, or what was done to it."""

    method: str
    channel: str
    at: float
    answer: str = "under way"


class SlackFake:
    """State and behaviour; `app` serves it."""

    def __init__(self, *, token: str = TOKEN, pace_seconds: float = 1.0) -> None:
        self.token = token
        self.pace_seconds = pace_seconds
        self.url = ""
        self.messages: list[Message] = []
        self.requests: list[Seen] = []
        self.faults: list[Fault] = []
        self.readable = True
        """False: the app lacks the scopes for history."""
        self.shows_metadata = True
        """False: the history hides metadata, as from some apps, without a word."""
        self._release = asyncio.Event()
        self._last_at: dict[str, float] = {}
        self._last_micros = 0
        self._names: dict[str, str] = {}

    @property
    def api_url(self) -> str:
        """Base address of the Web API."""
        return f"{self.url}/api/"

    @property
    def webhook_url(self) -> str:
        """Address of the incoming webhook."""
        return f"{self.url}{WEBHOOK_PATH}"

    def fail(
        self, method: str, kind: str, *, times: int = 1, seconds: float = 1.0, word: str = "internal_error"
    ) -> None:
        """Make `method` fail; see `Fault`."""
        self.faults.append(Fault(method=method, kind=kind, times=times, seconds=seconds, word=word))

    def release(self) -> None:
        """Let held requests go on."""
        self._release.set()

    def reset(self) -> None:
        """Forget everything."""
        self.messages.clear()
        self.requests.clear()
        self.faults.clear()
        self._last_at.clear()
        self._release.set()

    def app(self) -> web.Application:
        """The server."""
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/services/{tail:.*}", self._webhook)
        app.router.add_get("/_control/messages", self._control_messages)
        app.router.add_get("/_control/requests", self._control_requests)
        app.router.add_post("/_control/faults", self._control_faults)
        app.router.add_post("/_control/release", self._control_release)
        app.router.add_post("/_control/reset", self._control_reset)
        return app

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments = await _arguments(request)
        seen = Seen(method=method, channel=str(arguments.get("channel", "")), at=time.monotonic())
        self.requests.append(seen)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _answer(seen, {"ok": False, "error": "invalid_auth"})
        return await self._with_faults(request, seen, lambda: self._call(method, arguments))

    async def _with_faults(self, request: web.Request, seen: Seen, act: Any) -> web.StreamResponse:  # noqa: ANN401 - a lambda
        fault = self._next_fault(seen.method)
        kind = "" if fault is None else fault.kind
        if kind in {"hold", "hold_before"}:
            self._release.clear()
        if kind == "hold_before":
            await self._release.wait()
        if fault is not None and (early := _early(seen, fault, request)) is not None:
            return early
        answer, status = act()
        if kind == "hold":
            seen.answer = "held"
            await self._release.wait()
        if fault is not None and (late := _late(seen, fault, request)) is not None:
            return late
        if status == 429:
            return _too_many(seen, float(answer["retry_after"]))
        return _answer(seen, answer, status=status)

    def _next_fault(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == method:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def _call(self, method: str, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        calls: dict[str, Callable[[Mapping[str, Any]], tuple[dict[str, Any], int]]] = {
            "auth.test": lambda _: ({"ok": True, "user": "leadpact", "team": "Fake", "user_id": BOT_USER}, 200),
            "conversations.open": lambda given: ({"ok": True, "channel": {"id": _direct(str(given["users"]))}}, 200),
            "conversations.list": lambda _: (self._list(), 200),
            "conversations.history": lambda given: (self._history(given), 200),
            "chat.postMessage": self._post,
            "chat.update": lambda given: (self._update(given), 200),
        }
        call = calls.get(method)
        return ({"ok": False, "error": "unknown_method"}, 200) if call is None else call(arguments)

    def _list(self) -> dict[str, Any]:
        known = [{"id": each, "name": name[1:]} for name, each in self._names.items()]
        return {"ok": True, "channels": known, "response_metadata": {"next_cursor": ""}}

    def _post(self, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        blocks = _blocks(arguments)
        refused = refusal(arguments.get("text"), blocks)
        if refused is not None:
            return {"ok": False, "error": refused.partition(":")[0], "detail": refused}, 200
        channel = self._channel_id(str(arguments.get("channel", "")))
        wait = self._wait(channel)
        if wait > 0:
            return {"retry_after": wait}, 429
        metadata = _json(arguments.get("metadata")) or {}
        message = self._store(channel, str(arguments.get("text", "")), blocks, metadata, via="bot")
        return {"ok": True, "channel": channel, "ts": message.ts, "message": {"text": message.text}}, 200

    def _update(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        blocks = _blocks(arguments)
        refused = refusal(arguments.get("text"), blocks)
        if refused is not None:
            return {"ok": False, "error": refused.partition(":")[0], "detail": refused}
        found = self.find(str(arguments["channel"]), str(arguments["ts"]))
        if found is None:
            return {"ok": False, "error": "message_not_found"}
        found.edits.append({"text": found.text, "blocks": found.blocks})
        found.text, found.blocks = str(arguments.get("text", "")), blocks
        found.metadata = _json(arguments.get("metadata")) or found.metadata
        return {"ok": True, "channel": found.channel, "ts": found.ts, "text": found.text}

    def _history(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        channel = str(arguments.get("channel", ""))
        if not self.readable:
            return {"ok": False, "error": "missing_scope", "needed": "channels:history"}
        if channel.startswith("#"):
            return {"ok": False, "error": "channel_not_found"}
        oldest, before = float(arguments.get("oldest") or 0), float(arguments.get("cursor") or math.inf)
        limit = int(arguments.get("limit") or 100)
        with_metadata = self.shows_metadata and str(arguments.get("include_all_metadata", "")).lower() in {"1", "true"}
        newest_first = [
            each for each in reversed(self.messages) if each.channel == channel and oldest < float(each.ts) < before
        ]
        page = newest_first[:limit]
        cursor = page[-1].ts if len(newest_first) > limit else ""
        shown = [_shown(each, with_metadata=with_metadata) for each in page]
        return {"ok": True, "messages": shown, "response_metadata": {"next_cursor": cursor}}

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(method="webhook", channel="webhook", at=time.monotonic())
        self.requests.append(seen)
        body = await _arguments(request)

        def act() -> tuple[dict[str, Any], int]:
            if request.path != WEBHOOK_PATH:
                return {"plain": "no_service"}, 404
            refused = refusal(body.get("text"), _blocks(body))
            if refused is not None:
                return {"plain": refused.partition(":")[0]}, 400
            if (wait := self._wait("webhook")) > 0:
                return {"retry_after": wait}, 429
            self._store("webhook", str(body.get("text", "")), _blocks(body), {}, via="webhook")
            return {"plain": "ok"}, 200

        return await self._with_faults(request, seen, act)

    def find(self, channel: str, ts: str) -> Message | None:
        """A message by what Slack calls it."""
        return next((each for each in self.messages if each.channel == channel and each.ts == ts), None)

    def _store(
        self, channel: str, text: str, blocks: list[dict[str, Any]], metadata: dict[str, Any], *, via: str
    ) -> Message:
        self._last_micros = max(self._last_micros + 1, time.time_ns() // 1000)
        ts = f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"
        message = Message(channel=channel, ts=ts, text=text, blocks=blocks, metadata=metadata, via=via)
        self.messages.append(message)
        return message

    def _wait(self, channel: str) -> float:
        """Seconds until the channel takes another message; 0: it takes one now, and counts it."""
        now = time.monotonic()
        wait = self._last_at.get(channel, -math.inf) + self.pace_seconds - now
        if wait <= 0:
            self._last_at[channel] = now
        return max(0.0, wait)

    def _channel_id(self, given: str) -> str:
        if given.startswith("U"):
            return _direct(given)
        if given.startswith("#"):
            return self._names.setdefault(given, f"C0{given[1:].upper().replace('-', '')}")
        return given

    async def _control_messages(self, _request: web.Request) -> web.Response:
        return web.json_response([asdict(message) for message in self.messages])

    async def _control_requests(self, _request: web.Request) -> web.Response:
        return web.json_response([asdict(seen) for seen in self.requests])

    async def _control_faults(self, request: web.Request) -> web.Response:
        self.faults.append(Fault(**await request.json()))
        return web.json_response({"ok": True})

    async def _control_release(self, _request: web.Request) -> web.Response:
        self.release()
        return web.json_response({"ok": True})

    async def _control_reset(self, _request: web.Request) -> web.Response:
        self.reset()
        return web.json_response({"ok": True})


@contextlib.asynccontextmanager
async def slack_fake(*, pace_seconds: float = 1.0, port: int = 0) -> AsyncIterator[SlackFake]:
    """A running fake on a free port of the loopback."""
    fake = SlackFake(pace_seconds=pace_seconds)
    runner = web.AppRunner(fake.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield fake
    finally:
        fake.release()
        await runner.cleanup()


async def _arguments(request: web.Request) -> dict[str, Any]:
    """Slack takes arguments as JSON, as a form, or in the query."""
    if request.content_type == "application/json":
        given = await request.json()
        assert isinstance(given, dict)
        return given
    return {**request.query, **await request.post()}


def _json(value: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    return json.loads(value) if isinstance(value, str) else value


def _blocks(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    blocks = _json(arguments.get("blocks"))
    return blocks if isinstance(blocks, list) else []


def _direct(member: str) -> str:
    return f"D{member[1:]}"


def _shown(message: Message, *, with_metadata: bool) -> dict[str, Any]:
    user = BOT_USER if message.via == "bot" else "U0SOMEBODY"
    shown = {"type": "message", "user": user, "ts": message.ts, "text": message.text, "blocks": message.blocks}
    return {**shown, "metadata": message.metadata} if with_metadata and message.metadata else shown


def _early(seen: Seen, fault: Fault, request: web.Request) -> web.StreamResponse | None:
    match fault.kind:
        case "lose_request":
            return _broken(seen, request)
        case "http_500":
            seen.answer = "http_500"
            return web.Response(status=500, text="oops", content_type="text/html")
        case "ratelimited":
            return _too_many(seen, fault.seconds)
        case "error":
            return _refused(seen, fault)
        case _:
            return None


def _late(seen: Seen, fault: Fault, request: web.Request) -> web.StreamResponse | None:
    match fault.kind:
        case "lose_response":
            return _broken(seen, request)
        case "http_500_done":
            seen.answer = "http_500"
            return web.Response(status=500, text="oops", content_type="text/html")
        case "error_done":
            return _refused(seen, fault)
        case _:
            return None


def _refused(seen: Seen, fault: Fault) -> web.Response:
    if seen.method == "webhook":
        seen.answer = fault.word
        return web.Response(status=400, text=fault.word)
    return _answer(seen, {"ok": False, "error": fault.word})


def _broken(seen: Seen, request: web.Request) -> web.Response:
    seen.answer = "connection lost"
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _too_many(seen: Seen, seconds: float) -> web.Response:
    seen.answer = "ratelimited"
    headers = {"Retry-After": str(math.ceil(seconds))}
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


def _answer(seen: Seen, content: dict[str, Any], *, status: int = 200) -> web.Response:
    seen.answer = str(content.get("error") or content.get("plain") or "ok")
    if "plain" in content:
        return web.Response(status=status, text=content["plain"])
    return web.json_response(content, status=status)


async def _serve(port: int, pace_seconds: float) -> None:
    async with slack_fake(pace_seconds=pace_seconds, port=port) as fake:
        print(f"Slack's Web API: {fake.api_url}  token: {fake.token}  webhook: {fake.webhook_url}", flush=True)  # noqa: T201 - for the person or test that started it
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A fake of Slack for tests.")
    parser.add_argument("--port", type=int, default=8499)
    parser.add_argument("--pace-seconds", type=float, default=1.0)
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.port, given.pace_seconds))
