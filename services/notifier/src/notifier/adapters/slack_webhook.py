"""Slack by incoming webhook: one fixed channel; no edits, no reading back, no id of what was posted."""

import aiohttp

from notifier.adapters.slack_errors import from_failure, from_webhook_answer
from notifier.application.ports import Outgoing
from notifier.domain.delivery import Delivery
from notifier.domain.outcomes import LookupResult, SendResult, Sent, Unknown


class SlackWebhook:
    """The channel `slack-webhook`. The address is a secret: it is in no log, error or result."""

    def __init__(self, *, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def send(self, outgoing: Outgoing) -> SendResult:
        body = {"text": outgoing.message.text, "blocks": list(outgoing.message.blocks)}
        try:
            async with self._session.post(self._url, json=body) as response:
                text = await response.text(errors="replace")  # a proxy's page may be in any encoding
                if response.status == 200 and text.strip() == "ok":
                    return Sent()
                return from_webhook_answer(response.status, response.headers, text)
        except (TimeoutError, aiohttp.ClientError) as error:
            return from_failure(error)

    async def look_up(self, delivery: Delivery) -> LookupResult:
        return Unknown(reason=f"an incoming webhook can't be read back ({delivery.channel})")
