"""The spool's folder: its lock, its segments by name, and the cursor that says what the stream already has."""

import contextlib
import errno
import fcntl
import os
import re
import secrets
from pathlib import Path
from typing import IO

import msgspec

_NAME = re.compile(r"(?P<first>\d{20})-(?P<salt>[0-9a-f]{8})\.seg")
LOCK = "lock"
CURSOR = "cursor"


class SpoolTaken(Exception):  # noqa: N818 - it names a state
    """Another process uses the folder; the text names it and the cure."""


class SegmentFile(msgspec.Struct, frozen=True, kw_only=True):
    """A segment: its path, the sequence number it was begun for, and the salt of its checksums."""

    path: Path
    first: int
    salt: int


class SpoolDirectory:
    """Blocking: call it in a thread where a request waits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None

    def open(self) -> None:
        """Make the folder and lock it. The kernel frees the lock after kill -9. Raises `SpoolTaken` or `OSError`."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (self.path / LOCK).open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            if error.errno not in {errno.EAGAIN, errno.EACCES}:
                raise
            raise SpoolTaken(
                f"the spool {self.path} is used by another ingest process; "
                "give each one its own with LEADPACT_INGEST_SPOOL_DIR"
            ) from error
        self._lock = lock

    def close(self) -> None:
        """Unlock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def segments(self) -> list[SegmentFile]:
        """All of them, oldest first."""
        found = [(match, path) for path in self.path.iterdir() if (match := _NAME.fullmatch(path.name))]
        return sorted(
            (SegmentFile(path=path, first=int(match["first"]), salt=int(match["salt"], 16)) for match, path in found),
            key=lambda segment: segment.first,
        )

    def new_segment(self, first: int) -> SegmentFile:
        """An empty segment whose name is durable."""
        salt = secrets.randbits(32)
        path = self.path / f"{first:020d}-{salt:08x}.seg"
        path.touch(mode=0o600, exist_ok=False)
        self._sync_names()
        return SegmentFile(path=path, first=first, salt=salt)

    def delete(self, segment: SegmentFile) -> None:
        """The stream has all of it."""
        segment.path.unlink(missing_ok=True)

    def read_cursor(self) -> int:
        """The sequence number up to which (included) the stream has everything; 0 if unknown."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.path / CURSOR).read_text(encoding="ascii"))
        return 0

    def write_cursor(self, sequence: int) -> None:
        """Not synced: a cursor that is lost repeats some requests, which downstream know by their ids."""
        draft = self.path / f"{CURSOR}.new"
        draft.write_text(str(sequence), encoding="ascii")
        draft.replace(self.path / CURSOR)

    def _sync_names(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
