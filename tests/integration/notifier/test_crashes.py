"""Die between any two steps of delivering, begin again: every announcement is said exactly once."""

from collections.abc import Callable
from typing import Any

import pytest

from notifier.domain.delivery import State
from tests.integration.notifier.harness import SETTLE_SECONDS, Clock, Notifier, notifier_pool, slack_channel
from tests.support import sla_events
from tests.support.slack_fake import SlackFake

STEPS = 24
"""One more than the longest of the scenarios has; a test of its own proves it."""
DONE_WITHOUT_EFFECT: tuple[object, ...] = (None, [], ())
FAULTS = ("none", "lose_response", "http_500_done")


class DiedError(BaseException):
    """The process is no more. Not an `Exception`, so that no handler goes on after it."""


class Mortal:
    """Counts the steps between which a process may die, and dies at the chosen one (0: never)."""

    def __init__(self, dies_at: int) -> None:
        self._left = dies_at

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise DiedError

    def port(self, port: Any) -> Any:  # noqa: ANN401 - stands in for any port
        """The port, with a step before and after each call that does something."""
        return _Steps(port, self.step)


class _Steps:
    def __init__(self, port: Any, step: Callable[[], None]) -> None:  # noqa: ANN401 - stands in for any port
        self._port = port
        self._step = step

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - same
        call = getattr(self._port, name)
        asks = name in {"claim", "expired", "to_look_up"}

        async def stepped(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - same
            if not asks:
                self._step()
            result = await call(*args, **named)
            if not asks or result not in DONE_WITHOUT_EFFECT:
                self._step()
            return result

        return stepped


async def one_life(notifier: Notifier, *, step_seconds: float) -> None:
    """A breach, then its late touch, from the stream to Slack."""
    await notifier.take(sla_events.breached())
    await notifier.pass_time(15, step_seconds=step_seconds)
    await notifier.take(sla_events.met_late())
    await notifier.pass_time(15, step_seconds=step_seconds)


async def lives(database_url: str, slack: SlackFake, *, dies_at: int) -> bool:
    """Live until the death at the given step, then live on undisturbed; whether there was a death."""
    clock, mortal, died = Clock(), Mortal(dies_at), False
    async with notifier_pool(database_url) as pool, slack_channel(slack) as channels:
        mortal_channels = {kind: mortal.port(channel) for kind, channel in channels.items()}
        first = Notifier(pool, channels=mortal_channels, clock=clock, wrap=mortal.port)
        try:
            await one_life(first, step_seconds=5)
        except DiedError:
            died = True
        second = Notifier(pool, channels=channels, clock=clock)
        await one_life(second, step_seconds=5)
        await second.pass_time(3 * SETTLE_SECONDS, step_seconds=15)
        states = [each.state for each in await second.all()]
    assert states == [State.SENT, State.SENT]
    return died


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("dies_at", range(1, STEPS))
async def test_wherever_the_notifier_dies_each_announcement_is_said_once(
    database_url: str, slack: SlackFake, fault: str, dies_at: int
) -> None:
    if fault != "none":
        slack.fail("chat.postMessage", fault)
    await lives(database_url, slack, dies_at=dies_at)
    assert [(message.headline, message.channel) for message in slack.messages] == [
        ("🟠 First touch done late: Juno Vale", "C0INBOUND")
    ]


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_deaths_above_cover_the_whole_scenario(database_url: str, slack: SlackFake, fault: str) -> None:
    if fault != "none":
        slack.fail("chat.postMessage", fault)
    assert not await lives(database_url, slack, dies_at=STEPS)
