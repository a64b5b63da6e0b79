"""The preview channel: messages as text, appended to a file and, if wanted, shown on standard output.

Each message is one write that ends with a line naming its delivery. So after a crash the file itself tells whether the
message was written whole; a piece of one is left as it is, and the message follows again below it.
"""

import asyncio
import os
import sys
from pathlib import Path

from notifier.application.ports import Outgoing
from notifier.domain.channels import Operation, Step
from notifier.domain.delivery import Delivery
from notifier.domain.outcomes import Absent, Found, LookupResult, SendResult, Sent, Temporary
from notifier.domain.terminal import terminal_lines

END = "╰─ "
"""How the last line of a message begins; the delivery's id follows."""


class PreviewFeed:
    """The channel `preview`."""

    def __init__(self, path: Path, *, echo: bool) -> None:
        self._path = path
        self._echo = echo

    async def send(self, outgoing: Outgoing) -> SendResult:
        text = feed_text(outgoing)
        try:
            await asyncio.to_thread(self._append, text.encode())
        except OSError as error:
            return Temporary(reason="feed_not_writable", response=f"{self._path}: {error.strerror}")
        if self._echo:
            sys.stdout.write(text)
            sys.stdout.flush()
        return Sent(channel=outgoing.delivery.destination, provider_id=outgoing.delivery.id)

    async def look_up(self, delivery: Delivery) -> LookupResult:
        written = await asyncio.to_thread(self._holds, f"{END}{delivery.id}".encode())
        return Found(channel=delivery.destination, provider_id=delivery.id) if written else Absent()

    async def check(self) -> None:
        """Raise `OSError` unless the file can be written."""
        await asyncio.to_thread(self._append, b"")

    def _append(self, data: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            if data and _torn(descriptor):
                data = b"\n" + data
            # A write to a file may be short only where the disk is full: then the piece stays and an error is raised.
            if os.write(descriptor, data) != len(data):
                raise OSError(28, "only a part could be written")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _holds(self, line: bytes) -> bool:
        try:
            with self._path.open("rb") as feed:
                return any(each == line + b"\n" for each in feed)
        except FileNotFoundError:
            return False


def feed_text(outgoing: Outgoing) -> str:
    """One message as it stands in the feed."""
    delivery = outgoing.delivery
    lines = terminal_lines(outgoing.message.blocks, names=outgoing.names)
    heading = f"╭─ {_where(delivery, outgoing)}{_how(delivery)}"
    return "\n".join([heading, *(f"│ {line}" for line in lines), f"{END}{delivery.id}", ""])


def _where(delivery: Delivery, outgoing: Outgoing) -> str:
    # A team that holds a lead has its channel as its Slack name; only people are written to.
    name = outgoing.names.get(delivery.destination)
    if name is None or _is_channel(delivery.destination):
        return f"in {delivery.destination}"
    return f"to {name}"


def _is_channel(destination: str) -> bool:
    return destination[:1] in {"#", "C", "G"}


def _how(delivery: Delivery) -> str:
    if delivery.operation is Operation.UPDATE:
        return ", edited:"
    return ", a direct message" if delivery.step is Step.WARNING and delivery.destination[:1] == "U" else ""


def _torn(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
