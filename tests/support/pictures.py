"""Captures for the README from real runs of the demo: its feed, the page of a lead, the same message in Slack.

`python -m tests.support.pictures`: takes about two minutes, needs Chromium on the PATH and the demo's own ports, and
writes `docs/pictures/` and the capture in README.md. Slack is the tests' own; its messages are shown as Slack would.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.support.deployment import free_port
from tests.support.postgres_server import make_open_folder, remove_run_folder
from tests.support.slack_fake import TOKEN
from tests.support.slack_render import page

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
ENGINE = "http://127.0.0.1:8402"
BEGIN, END = "<!-- capture:feed (taken by python -m tests.support.pictures) -->", "<!-- capture:end -->"
MINUTE = 60.0
NAMES = {
    "U0DEMOMAR": "Maria Lund",
    "U0DEMOANA": "Ana Ruiz",
    "U0DEMOBEN": "Ben Okafor",
    "U0DEMOCHL": "Chloé Martin",
    "U0DEMODEV": "Dev Patel",
}
CHROMIUM = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that the embedded server's account can reach too."""
    folder = make_open_folder("leadpact-pictures-")
    try:
        yield folder
    finally:
        remove_run_folder(folder)


@contextlib.contextmanager
def demo(directory: Path, **settings: str) -> Iterator[Path]:
    """A running demo that has told of a promise done late; the file with what it printed."""
    out = directory / "out.txt"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADPACT_")}
    with out.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.demo", "run"],
            cwd=directory,
            env={**environment, "PYTHONPATH": str(ROOT), **settings},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(out, r"🟠 First call done late: Oskar Garcia[\s\S]+?╰─[\s\S]+?╰─")
        yield out
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def wait_for(out: Path, pattern: str) -> None:
    deadline = time.monotonic() + 2 * MINUTE
    while not re.search(pattern, out.read_text(errors="replace")):
        if time.monotonic() > deadline:
            raise SystemExit(f"{pattern} did not show:\n{out.read_text()}")
        time.sleep(0.2)


def feed_excerpt(text: str) -> str:
    """The warning, the breach and its correction of one lead, with the lines around them as printed."""
    messages = re.findall(r"^╭─.*?^╰─$", text, flags=re.MULTILINE | re.DOTALL)
    about = [message for message in messages if "Oskar Garcia" in message]
    wanted = ("🟡 ", "🔴 ", "~Nobody")  # the edit that strikes the breach through, not the one of the warning
    chosen = [next(message for message in about if words in message) for words in wanted]
    status = [line for line in text.splitlines() if line.startswith("· ")]
    return "\n".join([status[1], *chosen, status[-1]])


def lead_key() -> str:
    found = httpx.get(f"{ENGINE}/api/v1/leads", params={"search": "Oskar Garcia"}).raise_for_status().json()
    return str(found["items"][0]["key"])


def picture(address: str, target: Path, *, width: int, height: int) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
    with tempfile.TemporaryDirectory() as profile:
        options = (f"--user-data-dir={profile}", "--hide-scrollbars", f"--window-size={width},{height}")
        command = [chromium, *CHROMIUM, *options, f"--screenshot={target}", address]
        subprocess.run(command, check=True, capture_output=True, timeout=MINUTE)


def slack_messages(address: str) -> list[Mapping[str, Any]]:
    """A breach that stands, and one that was edited when the call came after all, in the order of the channel."""
    posted = httpx.get(f"{address}/_control/messages").raise_for_status().json()
    standing = [message for message in posted if "First call missed" in heading(message)]
    edited = [message for message in posted if message["edits"] and "First call missed" in heading(message["edits"][0])]
    corrected = [message for message in edited if "Oskar Garcia" in heading(message)]
    return [shown(each) for each in sorted((standing[0], corrected[0]), key=lambda message: float(message["ts"]))]


def heading(message: Mapping[str, Any]) -> str:
    return str(message["blocks"][0]["text"]["text"])


def shown(message: Mapping[str, Any]) -> Mapping[str, Any]:
    at = datetime.fromtimestamp(float(message["ts"]), UTC)
    return {
        "channel": "# inbound-sales",
        "at": f"{at:%H:%M}",
        "blocks": message["blocks"],
        "edited": bool(message["edits"]),
        "names": NAMES,
    }


def take_feed_and_page() -> None:
    with scratch() as folder, demo(folder) as out:
        excerpt = feed_excerpt(out.read_text())
        picture(f"{ENGINE}/leads/{lead_key()}", PICTURES / "lead-page.png", width=1100, height=1180)
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n\n```text\n{excerpt}\n```\n\n{END}{after}")


def take_slack() -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.support.slack_fake", "--port", str(port)]
    fake = subprocess.Popen(command, cwd=ROOT)
    settings = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_CHANNEL": "C0DEMO", "LEADPACT_DEMO_SLACK_API_URL": f"{address}/api/"}
    try:
        with scratch() as folder:
            with demo(folder, **settings):
                wait_until_edited(address)
                messages = slack_messages(address)
            target = folder / "slack.html"
            target.write_text(page(messages))
            picture(target.as_uri(), PICTURES / "slack.png", width=720, height=700)
    finally:
        fake.kill()
        fake.wait()


def wait_until_edited(address: str) -> None:
    deadline = time.monotonic() + MINUTE
    while time.monotonic() < deadline:
        with contextlib.suppress(IndexError):
            slack_messages(address)
            return
        time.sleep(0.5)
    raise SystemExit("no message was edited within a minute")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["feed", "slack"]
    if "feed" in wanted:
        take_feed_and_page()
    if "slack" in wanted:
        take_slack()
