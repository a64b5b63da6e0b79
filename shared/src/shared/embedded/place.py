"""Where the server's files lie.

    <state dir>/postgres/     ours (of whoever started first); a link to /var/lib/leadpact/<id>/ where need be
        data/                 PostgreSQL's data directory, of the server's account alone
        run/                  the unix socket, of the server's account alone
        log/                  the server's log, a file a weekday, each overwritten after a week
        start.log             what the server said before its log was open
        users.lock            held (shared) by each process that uses the server
        keep                  present while the server was started to stay
    <state dir>/postgres.lock held while somebody starts, stops or moves the server

The folder itself is not the server's account's: what this process writes there as root can't be turned elsewhere by it.
"""

import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

from shared.embedded.account import Account
from shared.embedded.binaries import SHARED_PLACE, shared_place
from shared.embedded.errors import EmbeddedPostgresError

PORT = 5432
"""Only part of the socket's name: nothing listens on a port."""
SOCKET_NAME = f".s.PGSQL.{PORT}"
LONGEST_SOCKET_PATH = 103
"""Bytes of a socket's whole path: 107 on Linux, 103 on macOS."""
SHORT_FOLDER = Path("/tmp")  # noqa: S108 - not TMPDIR, which differs between processes; the owner is checked
ORIGIN = "origin"
"""In a folder below /var/lib: the link that leads to it."""
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")
"""Only such a path stands unquoted in a URL and in PostgreSQL's comma-separated list of socket folders."""


class Place:
    """The folder of one embedded server."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir.absolute()
        self.link = self.state_dir / "postgres"

    @property
    def folder(self) -> Path:
        return self.link.resolve()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def start_log(self) -> Path:
        return self.folder / "start.log"

    @property
    def start_lock(self) -> Path:
        return self.state_dir / "postgres.lock"

    @property
    def users_lock(self) -> Path:
        return self.folder / "users.lock"

    @property
    def keep(self) -> Path:
        """Present while the server was started to stay, whoever uses it."""
        return self.folder / "keep"

    @property
    def socket_folder(self) -> Path:
        """In the folder, unless its path is too long or too odd for a socket: then a short one, the same each time."""
        near = self.folder / "run"
        length = len(str(near / SOCKET_NAME).encode())
        if length <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(near)):
            return near
        digest = blake2b(str(self.folder).encode(), digest_size=8).hexdigest()
        return SHORT_FOLDER / f"leadpact-{digest}"

    @property
    def socket_files(self) -> tuple[Path, Path]:
        """The socket and the file that names the pid of its owner."""
        return self.socket_folder / SOCKET_NAME, self.socket_folder / f"{SOCKET_NAME}.lock"

    def exists(self) -> bool:
        return self.link.exists()

    def make_state_dir(self) -> None:
        """Make the state directory unless it is there."""
        try:
            self.state_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The state directory {self.state_dir} can't be made ({error}). "
                "Set LEADPACT_STATE_DIR to a folder that you may write to."
            ) from error

    def make(self) -> None:
        """Make the folder unless it is there."""
        try:
            if self.link.is_symlink() and not self.link.exists():
                self.link.readlink().mkdir(mode=0o711, parents=True)
            self.link.mkdir(mode=0o711, exist_ok=True)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The folder {self.link} for the embedded PostgreSQL can't be made ({error}). "
                "Set LEADPACT_STATE_DIR to a folder that you may write to."
            ) from error

    def bring_within_reach(self, account: Account, progress: Callable[[str], None]) -> None:
        """Move an empty place to /var/lib where `account` can't enter it here; permissions of others stay as they are.

        The name has a random part: once somebody deletes the state directory its data must not come back.
        """
        if not account.switch:
            return
        if self.folder.stat().st_uid == 0:
            self.folder.chmod(0o711)  # our own folder: to be passed through, whatever the umask
        if account.can_enter(self.folder):
            return
        if self.data.exists():
            raise EmbeddedPostgresError(
                f"The data in {self.data} is out of reach for its owner (uid {account.uid}): a folder above it was "
                "closed. Open it again for passing through (chmod o+x), or set LEADPACT_STATE_DIR."
            )
        try:
            self._move_to_shared_place()
            progress(f"PostgreSQL, which does not run as root, can't reach {self.link}: the data is in {self.folder}")
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The account that PostgreSQL runs as (uid {account.uid}) can't reach {self.folder}, and the data "
                f"can't be put below /var/lib/leadpact ({error}). Set LEADPACT_STATE_DIR to a folder open to it."
            ) from error

    def _move_to_shared_place(self) -> None:
        target = shared_place() / f"data-{secrets.token_hex(8)}"
        target.mkdir(mode=0o711)
        target.chmod(0o711)
        (target / ORIGIN).write_text(str(self.link))
        shutil.rmtree(self.link)
        self.link.symlink_to(target)

    def make_folders(self, account: Account) -> None:
        """The folders of the server's account."""
        account.own(self.log)
        account.own(self.socket_folder)
        entry = self.socket_folder.lstat()
        if entry.st_uid != account.uid or entry.st_mode & 0o077 or self.socket_folder.is_symlink():
            raise EmbeddedPostgresError(
                f"{self.socket_folder}, the folder for the server's socket, is not of uid {account.uid} alone. "
                "Remove it, then start again."
            )


def moved_places() -> Iterator[tuple[Path, Path]]:
    """Every folder below /var/lib that holds a server's data, after the link that led to it (if nobody deleted it)."""
    for origin in SHARED_PLACE.glob(f"data-*/{ORIGIN}"):
        yield Path(origin.read_text()), origin.parent
