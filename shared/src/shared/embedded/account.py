"""Under which account the server runs.

PostgreSQL refuses to run as root. Then an account that exists already is taken, for making one would change the
machine: `leadpact` where the operator made it, else `postgres` (made for databases), else `nobody`, which every Unix
has but which other daemons may share. A data directory keeps the account that owns it, so that an account which
appears later does not lock the data out.
"""

import os
import pwd
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from shared.embedded.errors import EmbeddedPostgresError

CANDIDATES = ("leadpact", "postgres", "nobody")
ROOT = 0
CHECK_SECONDS = 20.0


class Account(NamedTuple):
    """Whom the server runs as; `switch` where that is somebody other than this process."""

    uid: int
    gid: int
    switch: bool

    def process_options(self) -> dict[str, Any]:
        """Options that make `subprocess` start a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": ()} if self.switch else {}

    def can_enter(self, folder: Path) -> bool:
        """Whether the account reaches the folder; asked by trying, for a look at mode bits misses what else decides."""
        command = ("/bin/sh", "-c", 'cd "$1"', "sh", str(folder))
        return self._succeeds(command)

    def can_run(self, program: Path) -> bool:
        """Whether the account can start the program."""
        return self._succeeds((str(program), "--version"))

    def own(self, folder: Path) -> None:
        """Make `folder` unless it is there, for this account alone."""
        if not folder.exists():
            folder.mkdir(mode=0o700)
        if self.switch and folder.stat().st_uid != self.uid:
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)

    def _succeeds(self, command: tuple[str, ...]) -> bool:
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program with a path that we made
                command,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=CHECK_SECONDS,
                check=False,
                cwd="/",
                **self.process_options(),
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0


def choose_account(data: Path) -> Account:
    """The account for the data directory `data`, which need not exist yet."""
    if os.geteuid() != ROOT:
        return Account(os.geteuid(), os.getegid(), switch=False)
    if data.exists() and (owner := data.stat()).st_uid != ROOT:
        return Account(owner.st_uid, owner.st_gid, switch=True)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, switch=True)
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(CANDIDATES)} exists. "
        "Make one (useradd --system leadpact), run as another user, or set LEADPACT_DATABASE_URL."
    )
