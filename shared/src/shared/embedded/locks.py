"""File locks between processes. The kernel frees them when their holder dies, however it dies."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from shared.embedded.errors import EmbeddedPostgresError

LOOK_AGAIN_SECONDS = 0.05


class FileLock:
    """A lock on a file, shared or exclusive; one object is one holder, also inside one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"{path} can't be opened ({error.strerror}). Where the embedded PostgreSQL was started by another "
                "user, run as that user; or set LEADPACT_STATE_DIR to a folder of your own."
            ) from error

    def share(self) -> None:
        """Hold it together with others; waits for an exclusive holder."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Hold it alone, if nobody else holds it. A shared hold is given up, whatever the answer."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            return False
        return True

    def release(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@contextlib.contextmanager
def exclusive(path: Path, *, timeout_seconds: float, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold `path` alone; `waiting` is called once when somebody else holds it.

    Raises `EmbeddedPostgresError` when it is not had within `timeout_seconds`.
    """
    deadline = time.monotonic() + timeout_seconds
    told = False
    with FileLock(path) as lock:
        while not lock.try_exclusive():
            if not told:
                waiting()
                told = True
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"Another process has held {path} for {timeout_seconds:g} s while it starts or stops the embedded "
                    "PostgreSQL. See what it is doing (fuser names it), then start again."
                )
            time.sleep(LOOK_AGAIN_SECONDS)
        yield
