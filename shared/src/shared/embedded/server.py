"""Start or attach, use, and stop: the life of the embedded server."""

import asyncio
import contextlib
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Self

from shared.embedded.account import Account, choose_account
from shared.embedded.binaries import Binaries, find_binaries, reachable_binaries
from shared.embedded.cluster import DATABASE, ROLE, check_version, make_cluster
from shared.embedded.errors import EmbeddedPostgresError
from shared.embedded.launch import last_words, launch
from shared.embedded.locks import FileLock, exclusive
from shared.embedded.place import PORT, Place
from shared.embedded.postmaster import (
    LOOK_AGAIN_SECONDS,
    Answer,
    ask,
    lives,
    postmaster,
    processes,
    recorded_pid,
    send,
    wait_until_gone,
)
from shared.logs import get_logger
from shared.supervision import wait_or_stop

logger = get_logger(__name__)

START_SECONDS = 60.0
"""Crash recovery replays what was written since the last checkpoint, at most about 1 GB of it."""
LOCK_SECONDS = 2 * START_SECONDS
STOP_SECONDS = 20.0
ORPHAN_SECONDS = 5.0
"""Children notice the death of their postmaster by themselves, unless they are inside a long step."""
TELL_EVERY_SECONDS = 2.0
WATCH_SECONDS = 1.0

Progress = Callable[[str], None]
"""Told, a short sentence at a time, what a start that takes longer is doing."""


def _silent(_: str) -> None:
    pass


class EmbeddedPostgres:
    """One process's use of the embedded server under `state_dir`.

    `settings` are server settings on top of the built-in ones; they count for whoever starts the server.
    """

    def __init__(
        self, state_dir: Path, *, progress: Progress = _silent, settings: Mapping[str, str] | None = None
    ) -> None:
        self._place = Place(state_dir)
        self._progress = progress
        self._settings = dict(settings or {})
        self._use: FileLock | None = None

    @property
    def url(self) -> str:
        """Where to connect; of use while the server runs."""
        # With the port, for drivers would else take the one in PGPORT.
        return f"postgresql://{ROLE}@/{DATABASE}?host={self._place.socket_folder}&port={PORT}"

    @property
    def data_dir(self) -> Path:
        """PostgreSQL's data directory."""
        return self._place.data

    @property
    def log_dir(self) -> Path:
        """Where the server's log files are."""
        return self._place.log

    @property
    def pid(self) -> int | None:
        """The number of the server's first process, while it runs."""
        return postmaster(self._place.data)

    def start(self, *, keep: bool = False) -> None:
        """Attach to the running server, or start it; called again, bring back one that has died.

        `keep`: it stays after the last user has left, until `stop`. Blocks, for up to a minute after a crash of a busy
        server. Raises `EmbeddedPostgresError`.
        """
        binaries = find_binaries()
        self._place.make_state_dir()
        with self._exclusive():
            self._place.make()
            account = choose_account(self._place.data)
            self._place.bring_within_reach(account, self._progress)
            if self._use is None:
                self._use = FileLock(self._place.users_lock)
                self._use.share()
            try:
                self._attach_or_launch(reachable_binaries(binaries, account), account)
            except BaseException:
                self._use.release()
                self._use = None
                raise
            if keep:
                self._place.keep.touch()

    def leave(self) -> None:
        """Stop using the server; the last user stops it, unless it was started to stay."""
        if self._use is None:
            return
        use, self._use = self._use, None
        with use:
            if not self._place.exists():
                return  # deleted under us; PostgreSQL looks for its files every minute and ends
            with self._exclusive():
                self._stop_unless_used(use)

    def _stop_unless_used(self, use: FileLock) -> None:
        if use.try_exclusive() and not self._place.keep.exists():
            self._stop()

    def stop(self, *, force: bool = False) -> bool:
        """Stop the server, whoever started it; False if it did not run.

        Raises `EmbeddedPostgresError` while others use it, unless `force`.
        """
        if not self._place.exists():
            return False
        with self._exclusive(), FileLock(self._place.users_lock) as users:
            if not users.try_exclusive() and not force:
                raise EmbeddedPostgresError(
                    "Other processes use the embedded PostgreSQL. Stop them first; the last one stops it."
                )
            self._place.keep.unlink(missing_ok=True)
            return self._stop()

    def answers(self) -> bool:
        """Whether the server takes connections now."""
        return self._place.exists() and self._ask(find_binaries()) is Answer.READY

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def _exclusive(self) -> contextlib.AbstractContextManager[None]:
        return exclusive(
            self._place.start_lock,
            timeout_seconds=LOCK_SECONDS,
            waiting=lambda: self._progress("waiting for another process that starts or stops the database"),
        )

    def _ask(self, binaries: Binaries) -> Answer:
        return ask(binaries.program("pg_isready"), self._place.socket_folder)

    def _attach_or_launch(self, binaries: Binaries, account: Account) -> None:
        if self._ask(binaries) is Answer.READY:
            return
        data = self._place.data
        if not data.exists():
            self._progress(f"making a database in {self._place.folder}")
            make_cluster(data, binaries=binaries, account=account)
        check_version(data, binaries)
        self._place.make_folders(account)
        if self._settled(binaries):
            return
        self._clear_remains()
        self._progress("starting the database")
        pid = launch(self._place, binaries=binaries, account=account, settings=self._settings)
        # Where a process killed in the middle of this very step left a server to start, one of the two gives way.
        if not self._wait_until_ready(binaries, pid) and not self._settled(binaries):
            raise EmbeddedPostgresError(
                f"PostgreSQL in {self._place.folder} does not start. Its last words:\n{last_words(self._place)}"
            )

    def _settled(self, binaries: Binaries) -> bool:
        """Wait for what still lives there: whether it is a server that answers. False: ended, or only children."""
        deadline = time.monotonic() + ORPHAN_SECONDS
        while processes(self._place.data) and time.monotonic() < deadline:
            pid = postmaster(self._place.data)
            if pid is not None and self._wait_until_ready(binaries, pid):
                return True
            time.sleep(LOOK_AGAIN_SECONDS)
        return False

    def _clear_remains(self) -> None:
        """What a crash left: children without a postmaster, and files that name a pid of nobody or somebody else.

        PostgreSQL itself would take any live process of that number for its predecessor, and not start.
        """
        data = self._place.data
        if processes(data):
            self._progress("ending processes that a crashed database left")
            send(processes(data), signal.SIGKILL)
        if not wait_until_gone(data, timeout_seconds=ORPHAN_SECONDS):
            raise EmbeddedPostgresError(
                f"Processes {sorted(processes(data))} of a crashed PostgreSQL in {data} do not end. End them."
            )
        if recorded_pid(data) is not None:
            self._progress("the database was not stopped properly; recovering what was committed")
        for stale in (data / "postmaster.pid", *self._place.socket_files):
            stale.unlink(missing_ok=True)

    def _wait_until_ready(self, binaries: Binaries, pid: int) -> bool:
        """Until it answers; False as soon as it has ended instead. Raises after a minute."""
        begun = told = time.monotonic()
        while (answer := self._ask(binaries)) is not Answer.READY:
            if not lives(pid):
                return False
            now = time.monotonic()
            if now - begun > START_SECONDS:
                raise EmbeddedPostgresError(
                    f"PostgreSQL in {self._place.folder} is not ready after {START_SECONDS:g} s; it goes on trying. "
                    f"Start again to wait on. Its last words:\n{last_words(self._place)}"
                )
            if now - told > TELL_EVERY_SECONDS:
                told = now
                doing = "recovering" if answer is Answer.NOT_YET else "starting"
                self._progress(f"the database is {doing} ({now - begun:.0f} s)")
            time.sleep(LOOK_AGAIN_SECONDS)
        return True

    def _stop(self) -> bool:
        data = self._place.data
        pid = postmaster(data)
        if pid is None:
            return False
        for number in (
            signal.SIGINT,
            signal.SIGQUIT,
        ):  # fast: with a checkpoint; immediate: recovered at the next start
            send({pid}, number)
            if wait_until_gone(data, timeout_seconds=STOP_SECONDS):
                return True
        raise EmbeddedPostgresError(
            f"PostgreSQL in {data} (pid {pid}) does not stop. Its last words:\n{last_words(self._place)}"
        )


@contextlib.asynccontextmanager
async def open_embedded(
    state_dir: Path, *, progress: Progress = _silent, settings: Mapping[str, str] | None = None
) -> AsyncIterator[EmbeddedPostgres]:
    """The same for asyncio, and a server that dies meanwhile is started again.

    What blocks runs in a thread, and calls `progress` there.
    """
    server = EmbeddedPostgres(state_dir, progress=progress, settings=settings)
    await asyncio.to_thread(server.start)
    leaving = asyncio.Event()
    watch = asyncio.create_task(_watch(server, leaving), name="embedded-postgres-watch")
    try:
        yield server
    finally:
        leaving.set()
        await watch  # not cancelled: a start under way in its thread would go on, and use what is being left
        await asyncio.to_thread(server.leave)


async def _watch(server: EmbeddedPostgres, leaving: asyncio.Event) -> None:
    """Bring the server back when somebody killed it: its users wait for it, and nobody else would."""
    while not await wait_or_stop(leaving, WATCH_SECONDS):
        try:
            if await asyncio.to_thread(lambda: server.pid) is None:
                logger.warning("embedded_postgres_died", data=str(server.data_dir))
                await asyncio.to_thread(server.start)
        except (EmbeddedPostgresError, OSError):
            logger.exception("embedded_postgres_does_not_come_back", retry_seconds=WATCH_SECONDS)


def forget(state_dir: Path) -> None:
    """Stop the server and delete all its data. Raises `EmbeddedPostgresError` while somebody uses it."""
    place = Place(state_dir)
    if not place.link.exists():
        place.link.unlink(missing_ok=True)
        return
    EmbeddedPostgres(state_dir).stop()
    folder, socket_folder = place.folder, place.socket_folder
    shutil.rmtree(folder)
    shutil.rmtree(socket_folder, ignore_errors=True)
    if place.link.is_symlink():
        place.link.unlink()
