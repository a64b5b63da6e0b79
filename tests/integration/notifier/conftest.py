"""A notifier on a real database and a Slack of our own."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.notifier.harness import Clock, Notifier, notifier_pool, slack_channel, webhook_channel
from tests.support.slack_fake import SlackFake, slack_fake


@pytest.fixture
async def slack() -> AsyncIterator[SlackFake]:
    """A Slack that takes any number of messages a second: pace has tests of its own."""
    async with slack_fake(pace_seconds=0.0) as fake:
        yield fake


@pytest.fixture
async def notifier(database_url: str, slack: SlackFake) -> AsyncIterator[Notifier]:
    """A notifier with a bot token."""
    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        yield Notifier(pool, channels=channels, clock=Clock())


@pytest.fixture
async def webhook_notifier(database_url: str, slack: SlackFake) -> AsyncIterator[Notifier]:
    """A notifier with an incoming webhook."""
    async with notifier_pool(database_url) as pool, webhook_channel(slack) as channels:
        yield Notifier(pool, channels=channels, clock=Clock())
