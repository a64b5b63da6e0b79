"""The demo in a fresh clone: it shows a warning and a breach, stops on Ctrl-C, leaves nothing behind, and goes on.

The clone runs in this environment's interpreter; with `FULL=1` it makes an environment of its own, as a newcomer would.
"""

import contextlib
import fcntl
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.deployment import free_port
from tests.support.slack_fake import TOKEN

ROOT = Path(__file__).resolve().parents[2]
FULL = os.environ.get("FULL") == "1"
START_SECONDS = 600.0 if FULL else 60.0
FIRST_WARNING_SECONDS = 20.0
FIRST_BREACH_SECONDS = 60.0
STOP_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 0.1
FEED_BEGINS = "What a sales manager would read in Slack:"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900 if FULL else 240)]


class Demo:
    """One run of the launcher; its output goes to a file."""

    def __init__(self, directory: Path, settings: Mapping[str, object], out: Path) -> None:
        self._out = out
        command = ["make", "demo"] if FULL else [sys.executable, "-m", "deploy.demo", "run"]
        with out.open("wb") as file:
            self.process = psutil.Popen(
                command,
                cwd=directory,
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self._out.read_text(encoding="utf-8", errors="replace")

    def shows(self, pattern: str, *, within_seconds: float) -> re.Match[str]:
        """Wait until the output holds `pattern`."""
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.text, re.MULTILINE):
                return found
            assert self.process.poll() is None, f"the demo ended with {self.process.returncode}:\n{self.text}"
            time.sleep(LOOK_AGAIN_SECONDS)
        raise AssertionError(f"{pattern!r} did not show within {within_seconds:g} s:\n{self.text}")

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, float]:
        """Ask it to stop; its exit code, and how many seconds it took."""
        asked = time.monotonic()
        launcher = self.process.children()[-1] if FULL else self.process
        launcher.send_signal(number)
        code = self.process.wait(timeout=STOP_SECONDS + 5)
        return code, time.monotonic() - asked


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("LEADPACT_") and "SLACK" not in name
    }
    return inherited | {name: str(value) for name, value in settings.items()}


def fresh_ports() -> dict[str, int]:
    return {f"LEADPACT_{service}_PORT": free_port() for service in ("INGEST", "ENGINE", "NOTIFIER")}


def left_behind(state: Path) -> list[str]:
    """Processes that work in the demo's folder or were started from it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            words = " ".join(process.cmdline())
            if str(state) in words or process.environ().get("LEADPACT_STATE_DIR") == str(state):
                found.append(words)
    return found


@pytest.fixture
def clone(open_folder: Path) -> Iterator[Path]:
    """What a newcomer gets: what is committed, and nothing else."""
    directory = open_folder / "leadpact"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(directory)], check=True, timeout=60)
    yield directory
    state = directory / ".leadpact" / "demo"
    for process in psutil.process_iter():  # a failed test must not leave servers behind
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("LEADPACT_STATE_DIR") == str(state):
                process.kill()
    subprocess.run(
        [sys.executable, "-m", "shared.embedded", "stop", "--force", "--state-dir", str(state)],
        check=False,
        timeout=60,
        capture_output=True,
    )


def leads(ports: Mapping[str, int]) -> set[str]:
    answer = httpx.get(f"http://127.0.0.1:{ports['LEADPACT_ENGINE_PORT']}/api/v1/leads", params={"limit": 200})
    return {lead["key"] for lead in answer.raise_for_status().json()["items"]}


def test_the_demo_warns_breaches_stops_and_goes_on(clone: Path, tmp_path: Path) -> None:
    ports, state = fresh_ports(), clone / ".leadpact" / "demo"
    first = Demo(clone, ports, tmp_path / "first.txt")
    try:
        first.shows(FEED_BEGINS, within_seconds=START_SECONDS)
        for address in re.findall(r"http://\S+", first.text):
            assert httpx.get(address).status_code == 200, address
        first.shows(r"🟡 .+ due soon: ", within_seconds=FIRST_WARNING_SECONDS)
        first.shows(r"🔴 .+ missed: ", within_seconds=FIRST_BREACH_SECONDS - FIRST_WARNING_SECONDS)
        first.shows(r"^· \d\d:\d\d:\d\d UTC · \d+ webhooks · \d+ leads · open: \d+", within_seconds=15)
        before = leads(ports)
        assert before
        assert left_behind(state)
    finally:
        code, took = first.stop()
    assert (code, first.text.splitlines()[-1]) == (0, LAST_LINE)
    assert took <= STOP_SECONDS
    assert left_behind(state) == []

    second = Demo(clone, ports, tmp_path / "second.txt")
    try:
        second.shows(FEED_BEGINS, within_seconds=START_SECONDS)
        number = int(second.shows(r"Going on after lead (\d+)\.", within_seconds=1)[1])
        assert number >= 3
        told = int(second.shows(r"^· .+ · (\d+) leads · ", within_seconds=40)[1])
        assert number <= told <= number + 10
        assert before <= leads(ports)
    finally:
        code, took = second.stop(signal.SIGTERM)
    assert code == 0
    assert took <= STOP_SECONDS
    assert left_behind(state) == []


LAST_LINE = "Stopped. 'make demo' goes on where this left off; 'make demo-reset' forgets it all."


def test_a_taken_port_is_named_before_anything_starts(clone: Path, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        demo = Demo(clone, fresh_ports() | {"LEADPACT_NOTIFIER_PORT": taken}, tmp_path / "out.txt")
        assert demo.process.wait(timeout=START_SECONDS) == 2
    assert f"port {taken} (notifier) is taken; set LEADPACT_NOTIFIER_PORT" in demo.text
    assert "database" not in demo.text


def test_a_service_that_dies_is_named_and_everything_stops(clone: Path, tmp_path: Path) -> None:
    ports, state = fresh_ports(), clone / ".leadpact" / "demo"
    demo = Demo(clone, ports, tmp_path / "out.txt")
    demo.shows(FEED_BEGINS, within_seconds=START_SECONDS)
    victim = next(each for each in demo.process.children(recursive=True) if "notifier run" in " ".join(each.cmdline()))
    victim.kill()
    assert demo.process.wait(timeout=STOP_SECONDS + 5) == 1
    assert "notifier ended with exit code -9" in demo.text
    assert left_behind(state) == []


def test_with_a_token_and_a_channel_it_writes_to_slack_as_well(clone: Path, tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    fake = subprocess.Popen([sys.executable, "-m", "tests.support.slack_fake", "--port", str(port)], cwd=ROOT)
    slack = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_CHANNEL": "C0DEMO", "LEADPACT_DEMO_SLACK_API_URL": f"{address}/api/"}
    demo = Demo(clone, {**fresh_ports(), **slack}, tmp_path / "out.txt")
    try:
        demo.shows("^Messages go to Slack channel C0DEMO, and here:", within_seconds=START_SECONDS)
        shown = demo.shows(r"🟡 .+ due soon: .+$", within_seconds=FIRST_WARNING_SECONDS)[0]
        deadline = time.monotonic() + FIRST_WARNING_SECONDS
        posted: list[str] = []
        while shown not in posted and time.monotonic() < deadline:
            messages = httpx.get(f"{address}/_control/messages").json()
            posted = [message["blocks"][0]["text"]["text"] for message in messages if message["channel"] == "C0DEMO"]
            time.sleep(LOOK_AGAIN_SECONDS)
        assert shown in posted
        assert TOKEN not in demo.text
    finally:
        demo.stop()
        fake.kill()
        fake.wait()


def test_a_terminal_that_is_closed_stops_everything(clone: Path) -> None:
    ports, state = fresh_ports(), clone / ".leadpact" / "demo"
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.demo", "run"],
        cwd=clone,
        env=environment(ports),
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads here; the terminal must be its own
    )
    os.close(its_end)
    shown = b""
    while FEED_BEGINS.encode() not in shown:
        shown += os.read(terminal, 65536)
    os.close(terminal)
    assert process.wait(timeout=STOP_SECONDS + 5) == 0
    assert left_behind(state) == []


def test_reset_forgets_but_not_while_the_demo_runs(clone: Path, tmp_path: Path) -> None:
    ports, state = fresh_ports(), clone / ".leadpact" / "demo"
    demo = Demo(clone, ports, tmp_path / "out.txt")
    try:
        demo.shows(FEED_BEGINS, within_seconds=START_SECONDS)
        refused = reset(clone)
        assert refused.returncode == 2
        assert "a demo runs here already" in refused.stderr
    finally:
        demo.stop()
    assert state.exists()
    assert reset(clone).returncode == 0
    assert not state.exists()


def reset(directory: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "deploy.demo", "reset"],
        cwd=directory,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
