"""The feed: what the notifier's preview channel appends to its file, line by line as it comes."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from deploy.demo.waiting import sleep

LOOK_SECONDS = 0.2


MESSAGE_END = "╰─"
"""The last line of a message names its delivery, which is for the notifier itself."""


class Feed:
    """Reads a growing text file from where it ended when the feed was made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0
        self._rest = b""

    def news(self) -> list[str]:
        """The whole lines that came since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._position)
            added = file.read()
        self._position += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        return [_for_people(line.decode("utf-8", errors="replace")) for line in lines]

    async def run(self, stop: asyncio.Event, say: Callable[[str], None]) -> None:
        """Say each line until `stop` is set."""
        while not stop.is_set():
            for line in self.news():
                say(line)
            await sleep(stop, LOOK_SECONDS)


def _for_people(line: str) -> str:
    return MESSAGE_END if line.startswith(f"{MESSAGE_END} ") else line
