"""The server's processes as they are, whatever its files say.

A pid file survives kill -9, and its number may belong to another process by then. A process is the server's if its
working directory is the data directory: PostgreSQL's processes all live there.
"""

import contextlib
import os
import signal
import subprocess
import time
from enum import Enum, auto
from pathlib import Path

from shared.embedded.place import PORT

PROC = Path("/proc")
LOOK_AGAIN_SECONDS = 0.05
ASK_SECONDS = 10.0


class Answer(Enum):
    """What a connection attempt says."""

    READY = auto()
    NOT_YET = auto()
    """It is there, and starts, recovers or stops."""
    NOBODY = auto()


def ask(pg_isready: Path, socket_folder: Path) -> Answer:
    """Knock at the socket."""
    command = (
        str(pg_isready),
        "--quiet",
        "--timeout=5",
        f"--host={socket_folder}",
        f"--port={PORT}",
        "--username=leadpact",
    )
    try:
        code = subprocess.run(  # noqa: S603 - the program of the wheel
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=ASK_SECONDS
        ).returncode
    except subprocess.TimeoutExpired:
        return Answer.NOT_YET
    return {0: Answer.READY, 1: Answer.NOT_YET}.get(code, Answer.NOBODY)


def recorded_pid(data: Path) -> int | None:
    """The number in the data directory's pid file, if there is one."""
    try:
        return int((data / "postmaster.pid").read_text(errors="replace").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def processes(data: Path) -> set[int]:
    """The numbers of all live processes that work in this data directory."""
    if not _has_proc():
        return _processes_by_ps(data)
    return _those_in(data, {int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()})


def lives(pid: int) -> bool:
    """Whether this process runs; one that nobody has collected after its end (a zombie) does not."""
    try:
        os.kill(pid, 0)
        stat = PROC.joinpath(str(pid), "stat")
        return not _has_proc() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def postmaster(data: Path) -> int | None:
    """The number of the live postmaster, if there is one."""
    pid = recorded_pid(data)
    if pid is None:
        return None
    ours = _those_in(data, {pid}) if _has_proc() else _processes_by_ps(data)
    return pid if pid in ours else None


def send(pids: set[int], number: signal.Signals) -> None:
    """Signal those that still live."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_until_gone(data: Path, *, timeout_seconds: float) -> bool:
    """Whether all the server's processes ended in time."""
    deadline = time.monotonic() + timeout_seconds
    while processes(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_AGAIN_SECONDS)
    return True


def _has_proc() -> bool:
    return PROC.joinpath("self", "cwd").exists()


def _those_in(data: Path, pids: set[int]) -> set[int]:
    found: set[int] = set()
    closed: set[int] = set()
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            if "postgres" not in PROC.joinpath(str(pid), "comm").read_text():
                continue
            try:
                if PROC.joinpath(str(pid), "cwd").readlink() == data:
                    found.add(pid)
            except PermissionError:
                closed.add(pid)
    return found | _those_in_as_owner(data, closed)


def _those_in_as_owner(data: Path, pids: set[int]) -> set[int]:
    """Root may not look into other accounts' processes where it lacks CAP_SYS_PTRACE, as in most containers.

    The account itself may. Without root such processes are of others, hence not the server's.
    """
    if not pids or os.geteuid() != 0 or not data.exists():
        return set()
    owner = data.stat()
    looked = subprocess.run(  # noqa: S603 - a fixed script, and numbers
        ("/bin/sh", "-c", 'for p; do echo "$p $(readlink "/proc/$p/cwd")"; done', "sh", *map(str, sorted(pids))),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=owner.st_uid,
        group=owner.st_gid,
        extra_groups=(),
    )
    lines = (line.partition(" ") for line in looked.stdout.splitlines())
    return {int(pid) for pid, _, folder in lines if folder == str(data)}


def _processes_by_ps(data: Path) -> set[int]:
    """Without /proc (macOS): the postmaster names its data directory in its command line; its children do not."""
    command = ("/bin/ps", "-axwwo", "pid=,command=")  # ww: whatever COLUMNS says, whole lines
    listed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed program
    lines = (line.split(maxsplit=1) for line in listed.stdout.splitlines())
    return {int(line[0]) for line in lines if len(line) == 2 and f"-D {data} " in line[1]}
