"""What the demo shows: lines that stay, and one status line that is replaced on a terminal and repeated elsewhere."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

QUIET_SECONDS = 5.0
"""Where there is no terminal the status is printed as a line of its own when nothing else was for so long."""


class Screen:
    """Prints at once, whatever the output is. An output that has gone away (a closed terminal, a pipe whose reader
    ended) is noted in `gone` and never raised: whoever prints may be stopping the services."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stdout
        self._console = Console(file=self._file, highlight=False, soft_wrap=True, markup=False, emoji=False)
        self._terminal = self._console.is_terminal
        self._status_shown = False
        self._last_line_at = time.monotonic()
        self.gone = False

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """A line (or several) that stays."""
        with self._output():
            self._wipe()
            self._console.print(Text(text, style=style or ""))
            self._file.flush()
        self._last_line_at = time.monotonic()

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Two columns."""
        width = max(len(left) for left, _ in rows)
        for left, right in rows:
            self.say(f"  {left:<{width}}  {right}")

    def status(self, text: str) -> None:
        """How things stand now."""
        if self._terminal:
            with self._output():
                self._wipe()
                self._file.write(f"\x1b[2m{text[: self._console.width - 1]}\x1b[0m")
                self._file.flush()
                self._status_shown = True
        elif time.monotonic() - self._last_line_at >= QUIET_SECONDS:
            self.say(text)

    def _wipe(self) -> None:
        if self._status_shown:
            self._file.write("\r\x1b[2K")
            self._status_shown = False

    @contextlib.contextmanager
    def _output(self) -> Iterator[None]:
        try:
            yield
        except (OSError, SystemExit):  # rich exits on a broken pipe, in the middle of whatever is being done
            self.gone = True
            with contextlib.suppress(OSError):  # what is still buffered goes nowhere, now and at the end
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._file.fileno())
