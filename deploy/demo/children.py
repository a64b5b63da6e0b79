"""The three services as processes of their own: started, watched, stopped together."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_SECONDS = 6.0
"""From SIGTERM to SIGKILL; the services are told to need less."""
LAST_WORDS = 15
LARGEST_LOG_BYTES = 5_000_000
"""A larger log is put aside at the next start, in place of the one put aside before."""
PR_SET_PDEATHSIG = 1


class Child:
    """One service; its output goes to a log file."""

    def __init__(self, name: str, *, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process in a group of its own: a Ctrl-C is for the launcher, which then stops it in order."""
        program = Path(sys.executable).with_name(self.name)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(program),
                "run",
                env=dict(self._environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs, or was never started."""
        return None if self._process is None else self._process.returncode

    async def ended(self) -> None:
        """Wait until the process has ended, whyever."""
        if self._process is not None:
            await self._process.wait()

    def last_words(self) -> Sequence[str]:
        """The last lines of its log."""
        with contextlib.suppress(OSError), self.log.open(encoding="utf-8", errors="replace") as log:
            return [line.rstrip() for line in deque(log, maxlen=LAST_WORDS)]
        return []

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process and whatever it started."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


async def stop_all(children: Sequence[Child], *, seconds: float = STOP_SECONDS) -> Sequence[str]:
    """SIGTERM to all at once, SIGKILL to those that still run after `seconds`; the names of the latter."""
    for child in children:
        child.send(signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(child.ended() for child in children))
    late = [child for child in children if child.exit_code is None]
    for child in late:
        child.send(signal.SIGKILL)
    await asyncio.gather(*(child.ended() for child in late))
    return [child.name for child in late]


def _die_with_parent() -> None:
    """Ask Linux for SIGTERM when the launcher dies without a word (kill -9), so that no service is left behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
