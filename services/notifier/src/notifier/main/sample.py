"""Messages for SLA events in a file, as they would be sent: for looking at, and for Slack's Block Kit Builder."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from notifier.domain.channels import ChannelKind
from notifier.domain.delivery import Delivery
from notifier.domain.planning import Routing, plan
from notifier.domain.rendering import Message, names_of, render
from shared.events.sla import AnySlaEvent, decode


class SampleError(Exception):
    """The file holds something that is no SLA event; names the line."""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A planned delivery and its message."""

    delivery: Delivery
    message: Message
    names: Mapping[str, str]


def rendered_samples(path: Path, *, console_url: str, default_channel: str, now: datetime | None) -> Sequence[Rendered]:
    """What would be said about the events in `path` (one JSON object a line), in their order.

    `now` None: each message as if it left at the instant of its announcement. Raises `SampleError`.
    """
    return list(_rendered(_events(path), console_url=console_url, default_channel=default_channel, now=now))


def _events(path: Path) -> list[AnySlaEvent]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SampleError(f"{path} can't be read: {error}") from error
    return [_event(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _event(path: Path, number: int, line: str) -> AnySlaEvent:
    try:
        return decode(line.encode())
    except msgspec.MsgspecError as error:
        raise SampleError(f"{path}, line {number}: not an SLA event: {error}") from error


def _rendered(
    events: Sequence[AnySlaEvent], *, console_url: str, default_channel: str, now: datetime | None
) -> Iterator[Rendered]:
    routing = Routing(channels=(ChannelKind.PREVIEW,), default_channel=default_channel)
    planned: list[Delivery] = []
    known: dict[str, AnySlaEvent] = {}
    for event in events:
        prior = [delivery for delivery in planned if delivery.obligation == event.obligation]
        at = now or event.announced_at
        for delivery in plan(event, routing=routing, prior=prior, now=at):
            planned.append(delivery)
            known[delivery.id] = event
            about = known[delivery.thread] if delivery.thread != delivery.id else None
            message = render(delivery.step, event, about=about, console_url=console_url, now=at)
            yield Rendered(delivery=delivery, message=message, names=names_of(event))
