"""Slack by bot token: posts with a marker in the message's metadata, edits, and finds its own messages again.

Scopes: `chat:write`; `im:write` for messages to people; and, to find out whether a message arrived whose answer was
lost, `channels:history`, `groups:history`, `im:history`, `metadata.message:read` (with channels given by name also
`channels:read`, `groups:read`). Without the latter such a message stays `ambiguous`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from notifier.adapters.slack_errors import describe, from_answer, from_failure
from notifier.application.ports import LookupPostponedError, Outgoing
from notifier.domain.channels import Operation
from notifier.domain.delivery import Delivery
from notifier.domain.outcomes import (
    Absent,
    Ambiguous,
    Found,
    Held,
    LookupResult,
    Permanent,
    RateLimited,
    SendResult,
    Sent,
    Temporary,
    Unknown,
)
from shared.logs import get_logger

logger = get_logger(__name__)

MARKER = "leadpact_delivery"
"""Type of the metadata that carries the delivery's id."""
PAGE = 100
MAX_PAGES = 20
"""Bound of a search: what was said in a channel within a minute or two is far less."""
SKEW = timedelta(minutes=2)
"""Slack's clock and ours may differ by this much when a search begins."""
LOOKUP_RETRY_SECONDS = 15.0
_UNREADABLE = frozenset({"missing_scope", "channel_not_found", "not_in_channel", "no_permission", "access_denied"})


class SlackRefusedError(Exception):
    """A helper request (open a conversation, list channels) came to this result instead of an answer."""

    def __init__(self, result: SendResult) -> None:
        super().__init__(str(result))
        self.result = result


class SlackBot:
    """The channel `slack`. Owns no session: the caller opens and closes it, with the time limit of a request."""

    def __init__(self, *, token: str, session: aiohttp.ClientSession, api_url: str) -> None:
        # The library's default handlers repeat a request whose answer was lost, and so post twice.
        self._client = AsyncWebClient(token=token, base_url=api_url, session=session, retry_handlers=[])
        self._ids: dict[str, str] = {}
        self._refused: str | None = None
        self._user: str | None = None

    async def send(self, outgoing: Outgoing) -> SendResult:
        result = await self._request(outgoing)
        if isinstance(result, Held):
            self._refused = result.reason
        elif isinstance(result, Sent):
            self._refused = None
        return result

    async def _request(self, outgoing: Outgoing) -> SendResult:
        try:
            if outgoing.delivery.operation is Operation.UPDATE:
                return await self._update(outgoing)
            return await self._post(outgoing)
        except SlackRefusedError as refused:
            return refused.result
        except SlackApiError as error:
            return _result(error)
        except (TimeoutError, aiohttp.ClientError, SlackClientError) as error:
            return from_failure(error)
        except Exception as error:  # noqa: BLE001 - the library trips over answers of proxies; the request had left
            logger.warning("slack_answer_unreadable", delivery=outgoing.delivery.id, error=type(error).__name__)
            return Ambiguous(reason="unreadable_answer", response=type(error).__name__)

    async def look_up(self, delivery: Delivery) -> LookupResult:
        try:
            channel = await self._readable(delivery.destination)
            return await self._search(channel, delivery)
        except SlackRefusedError as refused:
            return _unread(refused.result)
        except SlackApiError as error:
            return _unread(_result(error), error=error)
        except (TimeoutError, aiohttp.ClientError, SlackClientError) as error:
            raise LookupPostponedError(describe(error), retry_after_seconds=LOOKUP_RETRY_SECONDS) from error

    async def check(self) -> str:
        """Who we are, in Slack's words (`auth.test`). Raises `ConnectionError` that says what Slack answered."""
        try:
            answer = await self._client.auth_test()
        except SlackApiError as error:
            raise ConnectionError(f"Slack refuses the bot token: {_error_of(error)}") from error
        except (TimeoutError, aiohttp.ClientError, SlackClientError) as error:
            raise ConnectionError(f"Slack can't be reached: {describe(error)}") from error
        return f"{answer.get('user')} in {answer.get('team')}"

    async def ready(self) -> None:
        """Raise `ConnectionError` with Slack's word while it refuses our key. Asks nothing."""
        if self._refused is not None:
            raise ConnectionError(f"Slack refuses the bot token: {self._refused}; messages wait")

    async def _post(self, outgoing: Outgoing) -> SendResult:
        channel = await self._postable(outgoing.delivery.destination)
        answer = await self._client.chat_postMessage(
            channel=channel,
            text=outgoing.message.text,
            blocks=list(outgoing.message.blocks),
            metadata=_marked(outgoing.delivery.id),
            unfurl_links=False,
            unfurl_media=False,
        )
        posted_in = str(answer["channel"])
        self._ids[outgoing.delivery.destination] = posted_in
        return Sent(channel=posted_in, provider_id=str(answer["ts"]))

    async def _update(self, outgoing: Outgoing) -> SendResult:
        assert outgoing.replaces is not None, "an edit is sent only once its message is known"
        channel, ts = outgoing.replaces
        await self._client.chat_update(
            channel=channel,
            ts=ts,
            text=outgoing.message.text,
            blocks=list(outgoing.message.blocks),
            metadata=_marked(outgoing.delivery.thread),
        )
        return Sent(channel=channel, provider_id=ts)

    async def _postable(self, destination: str) -> str:
        """What chat.postMessage takes: a channel's id or name, or the conversation with a person."""
        return await self._conversation_with(destination) if _is_member(destination) else destination

    async def _readable(self, destination: str) -> str:
        """What conversations.history takes: an id. Raises `SlackRefusedError`."""
        if _is_member(destination):
            return await self._conversation_with(destination)
        if destination in self._ids or not destination.startswith("#"):
            return self._ids.get(destination, destination)
        return await self._find_by_name(destination)

    async def _conversation_with(self, member: str) -> str:
        """Opening twice is harmless, so an unclear answer to it is not an unclear message."""
        if member not in self._ids:
            try:
                answer = await self._client.conversations_open(users=member)
            except SlackApiError as error:
                if _error_of(error) == "missing_scope":
                    # Without im:write a person can still be written to by member id, only not looked up before that.
                    return member
                raise SlackRefusedError(_surely_unsent(_result(error))) from error
            except (TimeoutError, aiohttp.ClientError, SlackClientError) as error:
                raise SlackRefusedError(_surely_unsent(from_failure(error))) from error
            self._ids[member] = str(_mapping(answer["channel"])["id"])
        return self._ids[member]

    async def _ourselves(self) -> str:
        """Our own member id."""
        if self._user is None:
            self._user = str((await self._client.auth_test())["user_id"])
        return self._user

    async def _find_by_name(self, name: str) -> str:
        cursor = ""
        for _ in range(MAX_PAGES):
            answer = await self._client.conversations_list(
                limit=1000, cursor=cursor, exclude_archived=True, types="public_channel,private_channel"
            )
            for channel in answer.get("channels") or ():
                self._ids["#" + channel["name"]] = channel["id"]
            cursor = _next_cursor(answer)
            if name in self._ids or not cursor:
                break
        if name not in self._ids:
            raise SlackRefusedError(Permanent(reason="channel_not_found", response=f"no channel is named {name}"))
        return self._ids[name]

    async def _search(self, channel: str, delivery: Delivery) -> LookupResult:
        cursor, blind = "", False
        ourselves = await self._ourselves()
        for _ in range(MAX_PAGES):
            answer = await self._client.conversations_history(
                channel=channel,
                oldest=_oldest(delivery.sending_since),
                include_all_metadata=True,
                limit=PAGE,
                cursor=cursor,
            )
            for message in answer.get("messages") or ():
                marker = _marker_of(message)
                if marker == delivery.id:
                    return Found(channel=channel, provider_id=str(message["ts"]))
                blind = blind or (marker is None and message.get("user") == ourselves)
            cursor = _next_cursor(answer)
            if not cursor:
                # Slack hides metadata from some apps without a word. A message of ours that bears no marker may be the
                # one we look for: then nothing is proven.
                return Unknown(reason="messages of ours show no marker") if blind else Absent()
        return Unknown(reason=f"more than {MAX_PAGES * PAGE} messages since then")


def _is_member(destination: str) -> bool:
    return destination[:1] in {"U", "W"} and destination.isalnum()


def _marker_of(message: Mapping[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != MARKER:
        return None
    marker = (metadata.get("event_payload") or {}).get("id")
    return None if marker is None else str(marker)


def _marked(delivery_id: str) -> dict[str, Any]:
    return {"event_type": MARKER, "event_payload": {"id": delivery_id}}


def _next_cursor(answer: Any) -> str:  # noqa: ANN401 - the library's answer is a loose mapping
    return str((answer.get("response_metadata") or {}).get("next_cursor") or "")


def _oldest(since: datetime | None) -> str:
    return "0" if since is None else f"{(since - SKEW).timestamp():.6f}"


def _result(error: SlackApiError) -> SendResult:
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    return from_answer(int(status or 0), dict(response.headers), getattr(response, "data", ""))


def _error_of(error: SlackApiError) -> str:
    data = getattr(error.response, "data", None)
    return str(data.get("error")) if isinstance(data, dict) else "no readable answer"


def _surely_unsent(result: SendResult) -> SendResult:
    if isinstance(result, Ambiguous):
        return Temporary(reason=f"conversations.open: {result.reason}", response=result.response)
    return result


def _unread(result: SendResult, *, error: SlackApiError | None = None) -> LookupResult:
    """A look that Slack refused: for good, or for now (raises `LookupPostponedError`)."""
    word = _error_of(error) if error is not None else getattr(result, "reason", "")
    if word in _UNREADABLE or isinstance(result, Permanent):
        return Unknown(reason=f"can't look it up: {word}")
    wait = result.retry_after_seconds if isinstance(result, RateLimited | Held) else LOOKUP_RETRY_SECONDS
    raise LookupPostponedError(word or "no answer", retry_after_seconds=wait)


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - part of a loose answer
    assert isinstance(value, Mapping), value
    return value
