"""Where the demo keeps things, and which ports it uses."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
PORTS = {
    "ingest": ("LEADPACT_INGEST_PORT", 8401),
    "sla-engine": ("LEADPACT_ENGINE_PORT", 8402),
    "notifier": ("LEADPACT_NOTIFIER_PORT", 8403),
}
"""Service → the variable that moves its port, and the port without it."""

FILES = Path(__file__).parent


class PlaceError(Exception):
    """The demo can't start where and as it was told to; the text names the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """`state` holds all that the demo stores; removing it forgets everything."""

    state: Path
    ports: Mapping[str, int]

    @classmethod
    def read(cls, directory: Path, environ: Mapping[str, str] = os.environ) -> "Places":
        """The places of a demo in `directory`."""
        return cls(
            state=directory / ".leadpact" / "demo",
            ports={service: _port(environ, variable, default) for service, (variable, default) in PORTS.items()},
        )

    @property
    def logs(self) -> Path:
        """One log file a service."""
        return self.state / "logs"

    @property
    def journal(self) -> Path:
        """How far the stories have been told."""
        return self.state / "stories.json"

    @property
    def lock(self) -> Path:
        """Held while a demo runs in this directory."""
        return self.state.with_suffix(".lock")

    @property
    def preview(self) -> Path:
        """What the notifier would send to Slack, as text: the feed."""
        return self.state / "feed.txt"

    def url(self, service: str) -> str:
        """Where a service listens."""
        return f"http://{HOST}:{self.ports[service]}"


def _port(environ: Mapping[str, str], variable: str, default: int) -> int:
    value = environ.get(variable, "").strip()
    if not value:
        return default
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise PlaceError(f"{variable} is {value!r}; set it to a port number from 1 to 65535, or leave it unset")
    return int(value)
