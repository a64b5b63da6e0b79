"""The preview's file: each message whole and once, whatever a crash left there."""

from pathlib import Path

import msgspec

from notifier.adapters.preview_feed import PreviewFeed, feed_text
from notifier.application.ports import Outgoing
from notifier.domain.channels import ChannelKind
from notifier.domain.outcomes import Absent, Found, Sent, Temporary
from notifier.domain.planning import Routing, plan
from notifier.domain.rendering import names_of, render
from tests.support import sla_events
from tests.support.sla_events import DEADLINE

ROUTING = Routing(channels=(ChannelKind.PREVIEW,), default_channel="#sales")


def outgoing() -> Outgoing:
    event = sla_events.breached()
    (delivery,) = plan(event, routing=ROUTING, prior=(), now=DEADLINE)
    message = render(delivery.step, event, about=None, console_url="http://console.example", now=DEADLINE)
    return Outgoing(delivery=delivery, message=message, names=names_of(event))


async def test_a_message_is_found_once_it_is_written_whole(tmp_path: Path) -> None:
    feed, message = PreviewFeed(tmp_path / "new" / "feed.txt", echo=False), outgoing()
    assert isinstance(await feed.look_up(message.delivery), Absent)
    assert isinstance(await feed.send(message), Sent)
    assert isinstance(await feed.look_up(message.delivery), Found)


async def test_a_piece_of_a_message_is_no_message_and_the_whole_follows_on_a_line_of_its_own(tmp_path: Path) -> None:
    path, message = tmp_path / "feed.txt", outgoing()
    feed = PreviewFeed(path, echo=False)
    await feed.send(message)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert isinstance(await feed.look_up(message.delivery), Absent), whole[:length]
    path.write_bytes(whole[:-40])
    await feed.send(message)
    assert path.read_text().splitlines()[-1] == f"╰─ {message.delivery.id}"
    assert path.read_bytes().endswith(b"\n" + whole)


async def test_a_file_that_can_not_be_written_is_tried_again_later(tmp_path: Path) -> None:
    feed = PreviewFeed(tmp_path, echo=False)
    result = await feed.send(outgoing())
    assert isinstance(result, Temporary)
    assert result.reason == "feed_not_writable"


def test_what_goes_to_a_channel_says_so_even_when_the_team_of_that_channel_holds_the_lead() -> None:
    message = outgoing()
    named = msgspec.structs.replace(message, names={**message.names, message.delivery.destination: "Marketing"})
    assert feed_text(named).splitlines()[0] == f"╭─ in {message.delivery.destination}"
