"""The three services as real processes, as an operator would run them, for tests that stop, kill and restart them."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx

from tests.support.eventually import eventually

SERVICES = ("ingest", "sla-engine", "notifier")
PORT_VARIABLES = {
    "ingest": "LEADPACT_INGEST_PORT",
    "sla-engine": "LEADPACT_ENGINE_PORT",
    "notifier": "LEADPACT_NOTIFIER_PORT",
}
READY_SECONDS = 60.0
STOP_SECONDS = 10.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServiceProcess:
    """One service; its output goes to a log file that failures quote."""

    def __init__(self, name: str, *, port: int, environment: Mapping[str, str], directory: Path, label: str) -> None:
        self.name = name
        self.label = label
        self.url = f"http://127.0.0.1:{port}"
        self.log = directory / f"{label}.log"
        self._environment = {**environment, PORT_VARIABLES[name]: str(port)}
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process; `ready` tells when it works."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).with_name(self.name)),
                "run",
                cwd=self._directory,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ready(self) -> None:
        """Wait until /readyz says so."""
        async with httpx.AsyncClient(base_url=self.url) as client:

            async def look() -> bool:
                assert self.alive, f"{self.label} ended; its last words:\n{self.last_words()}"
                try:
                    answer = await client.get("/readyz")
                except httpx.TransportError as error:
                    raise OSError(str(error)) from error
                assert answer.status_code == 200, answer.text
                return True

            await eventually(look, within_seconds=READY_SECONDS, what=f"{self.label} is ready")

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The number of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """kill -9, at once."""
        assert self._process is not None
        if self.alive:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: it is there, and does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        if self.alive:
            self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> int:
        """SIGTERM, and the exit code; a service that takes longer than it may is a failure."""
        assert self._process is not None
        if self.alive:
            self._process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"{self.label} did not stop within {STOP_SECONDS:g} s:\n{self.last_words()}") from None

    def last_words(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


class Deployment:
    """One of each service (more engines on demand) on one database and one stream."""

    def __init__(self, directory: Path, *, environment: Mapping[str, str]) -> None:
        self._directory = directory
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEADPACT_")}
        self._ports = {name: free_port() for name in SERVICES}
        self._environment = {
            **inherited,
            "LEADPACT_LOG_FORMAT": "console",
            "LEADPACT_CONSOLE_URL": f"http://127.0.0.1:{self._ports['sla-engine']}",
            **environment,
        }
        self.services = {name: self.process(name, label=name, port=self._ports[name]) for name in SERVICES}

    def process(self, name: str, *, label: str, port: int | None = None) -> ServiceProcess:
        """A further process of a service, not yet started."""
        return ServiceProcess(
            name,
            port=free_port() if port is None else port,
            environment=self._environment,
            directory=self._directory,
            label=label,
        )

    def __getitem__(self, name: str) -> ServiceProcess:
        return self.services[name]

    async def __aenter__(self) -> Self:
        for service in self.services.values():
            await service.start()
        await asyncio.gather(*(service.ready() for service in self.services.values()))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for service in self.services.values():
                sys.stdout.write(f"\n-- {service.label} (alive: {service.alive}), its last words:\n")
                sys.stdout.write(f"{service.last_words()}\n")
        codes = await asyncio.gather(
            *(service.stop() for service in self.services.values() if service.alive), return_exceptions=True
        )
        for service in self.services.values():
            if service.alive:
                await service.kill()
        failures = [code for code in codes if isinstance(code, BaseException)]
        if failures:
            raise failures[0]
