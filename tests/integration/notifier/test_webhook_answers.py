"""Answers of an incoming webhook that are no answers of Slack's."""

import aiohttp
from aiohttp import web

from notifier.adapters.slack_webhook import SlackWebhook
from notifier.application.ports import Outgoing
from notifier.domain.channels import ChannelKind
from notifier.domain.delivery import Delivery
from notifier.domain.outcomes import Ambiguous
from notifier.domain.planning import Routing, plan
from notifier.domain.rendering import render
from tests.support import sla_events
from tests.support.sla_events import DEADLINE


async def test_a_proxys_page_in_another_encoding_leaves_the_message_uncertain() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=502, body="Dienst nicht verfügbar".encode("latin-1"), content_type="text/plain")

    app = web.Application()
    app.router.add_post("/hook", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with aiohttp.ClientSession() as session:
            port = runner.addresses[0][1]
            result = await SlackWebhook(url=f"http://127.0.0.1:{port}/hook", session=session).send(outgoing())
    finally:
        await runner.cleanup()
    assert isinstance(result, Ambiguous)


def outgoing() -> Outgoing:
    event = sla_events.breached()
    delivery: Delivery
    (delivery,) = plan(
        event,
        routing=Routing(channels=(ChannelKind.SLACK_WEBHOOK,), default_channel="#sales"),
        prior=(),
        now=DEADLINE,
    )
    message = render(delivery.step, event, about=None, console_url="http://console.example.com", now=DEADLINE)
    return Outgoing(delivery=delivery, message=message, names={})
