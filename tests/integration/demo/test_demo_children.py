"""The demo's services as processes: stopped in order, killed when they do not, never left behind."""

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from deploy.demo.children import LARGEST_LOG_BYTES, Child, stop_all
from tests.support.eventually import eventually

ROOT = Path(__file__).resolve().parents[3]
WILLING = "import signal\nprint('working', flush=True)\nsignal.pause()\n"
STUBBORN = (
    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('working', flush=True)\nsignal.pause()\n"
)
INTERPRETER = sys.executable


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that stand where the services' commands would."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    return folder


def program(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.write_text(f"#!{INTERPRETER}\n{text}")
    file.chmod(0o755)


def run_to_its_end(script: str) -> str:
    """What the script prints; how it ends does not matter."""
    command = [INTERPRETER, "-c", script]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False).stdout


async def working(child: Child) -> None:
    async def look() -> bool:
        return "working" in child.last_words()

    await eventually(look, within_seconds=20, what=f"{child.name} works")


async def test_all_are_stopped_and_only_the_stubborn_one_is_killed(programs: Path, tmp_path: Path) -> None:
    program(programs, "willing", WILLING)
    program(programs, "stubborn", STUBBORN)
    children = [Child(name, environment=os.environ, log=tmp_path / f"{name}.log") for name in ("willing", "stubborn")]
    for child in children:
        await child.start()
        await working(child)
    assert await stop_all(children, seconds=2) == ["stubborn"]
    assert [child.exit_code for child in children] == [-15, -9]


async def test_a_child_that_ends_tells_its_code_and_its_last_words(programs: Path, tmp_path: Path) -> None:
    program(programs, "broken", "import sys\nprint('cannot go on', flush=True)\nsys.exit(3)\n")
    child = Child("broken", environment=os.environ, log=tmp_path / "broken.log")
    await child.start()
    await asyncio.wait_for(child.ended(), 20)
    assert child.exit_code == 3
    assert child.last_words() == ["cannot go on"]


async def test_a_large_log_is_put_aside(programs: Path, tmp_path: Path) -> None:
    program(programs, "broken", "print('new', flush=True)\n")
    log = tmp_path / "broken.log"
    log.write_text("x" * (LARGEST_LOG_BYTES + 1))
    child = Child("broken", environment=os.environ, log=log)
    await child.start()
    await asyncio.wait_for(child.ended(), 20)
    assert child.last_words() == ["new"]
    assert (tmp_path / "broken.old.log").stat().st_size > LARGEST_LOG_BYTES


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
async def test_children_end_with_a_launcher_that_was_killed(programs: Path, tmp_path: Path) -> None:
    program(programs, "willing", WILLING)
    launcher = f"""
        import asyncio, os, signal, sys
        from pathlib import Path
        sys.executable = {str(programs / "python")!r}
        from deploy.demo.children import Child

        async def main():
            child = Child("willing", environment=os.environ, log=Path({str(tmp_path / "willing.log")!r}))
            await child.start()
            while "working" not in child.last_words():
                await asyncio.sleep(0.05)
            print(child._process.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
    """
    ran = await asyncio.to_thread(run_to_its_end, textwrap.dedent(launcher))
    pid = int(ran)

    async def gone() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    await eventually(gone, within_seconds=10, what="the child has ended")
