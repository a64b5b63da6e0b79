"""Several processes use one embedded server: the first starts it, the last stops it."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.embedded import EmbeddedPostgres, EmbeddedPostgresError, forget, open_embedded, postmaster
from tests.integration.shared.embedded.conftest import Spawn, execute

pytestmark = pytest.mark.postgres


async def test_started_again_it_has_what_was_stored(state_dir: Path) -> None:
    async with open_embedded(state_dir) as server:
        await execute(server.url, "CREATE TABLE kept AS SELECT 'stored' AS word")
        first = server.pid
    assert EmbeddedPostgres(state_dir).pid is None
    async with open_embedded(state_dir) as server:
        assert await execute(server.url, "SELECT word FROM kept") == "stored"
        assert server.pid != first


async def test_it_is_durable_and_listens_on_no_port(state_dir: Path) -> None:
    async with open_embedded(state_dir) as server:
        shown = {
            name: await execute(server.url, f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "server_encoding")
        }
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
    }


async def test_processes_that_start_at_once_get_one_server_and_the_last_stops_it(state_dir: Path, spawn: Spawn) -> None:
    users = [await spawn(state_dir) for _ in range(4)]
    await asyncio.gather(*(user.begin() for user in users))
    assert len({user.url for user in users}) == 1
    assert sum("starting the database" in user.said for user in users) == 1
    server = EmbeddedPostgres(state_dir)
    pid = server.pid
    for user in users[:-1]:
        await user.leave()
        assert server.pid == pid
    await users[-1].leave()
    assert server.pid is None


async def test_one_process_may_use_it_twice(state_dir: Path) -> None:
    async with open_embedded(state_dir) as outer:
        async with open_embedded(state_dir) as inner:
            assert inner.pid == outer.pid
        assert await execute(outer.url, "SELECT 1") == 1


async def test_after_kill_9_of_its_users_the_next_one_attaches_and_stops_it(state_dir: Path, spawn: Spawn) -> None:
    users = [await spawn(state_dir) for _ in range(2)]
    for user in users:
        await user.begin()
    pid = EmbeddedPostgres(state_dir).pid
    for user in users:
        await user.kill()
    async with open_embedded(state_dir) as server:
        assert server.pid == pid
    assert server.pid is None


async def test_surroundings_made_for_another_server_do_not_matter(state_dir: Path, spawn: Spawn) -> None:
    user = await spawn(
        state_dir, environment={"PGPORT": "1", "PGHOST": "elsewhere", "PGDATA": "/elsewhere", "PGDATABASE": "other"}
    )
    await user.begin()
    await user.leave()


async def test_it_is_not_stopped_or_forgotten_while_another_process_uses_it(state_dir: Path, spawn: Spawn) -> None:
    user = await spawn(state_dir)
    await user.begin()
    with pytest.raises(EmbeddedPostgresError, match="Other processes use"):
        EmbeddedPostgres(state_dir).stop()
    with pytest.raises(EmbeddedPostgresError, match="Other processes use"):
        forget(state_dir)
    assert await execute(user.url, "SELECT 1") == 1


async def test_forgotten_it_begins_anew(state_dir: Path) -> None:
    async with open_embedded(state_dir) as server:
        await execute(server.url, "CREATE TABLE gone ()")
    forget(state_dir)
    async with open_embedded(state_dir) as server:
        assert await execute(server.url, "SELECT to_regclass('gone')") is None


async def test_a_start_called_again_brings_back_a_server_that_was_stopped(state_dir: Path) -> None:
    server = EmbeddedPostgres(state_dir)
    with server:
        server.stop(force=True)
        server.start()
        assert await execute(server.url, "SELECT 1") == 1
    assert server.pid is None


def test_by_hand_it_stays_until_it_is_stopped(state_dir: Path) -> None:
    def run(command: str) -> tuple[int, str]:
        done = subprocess.run(
            (sys.executable, "-m", "shared.embedded", command, "--state-dir", str(state_dir)),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.strip()

    assert run("status") == (3, "not running")
    assert run("url") == (3, "")
    code, url = run("start")
    assert (code, url) == (0, EmbeddedPostgres(state_dir).url)
    with EmbeddedPostgres(state_dir) as server:
        pid = server.pid
    assert EmbeddedPostgres(state_dir).pid == pid
    assert run("url") == (0, url)
    assert re.fullmatch(rf"running, pid {pid}, data in .*/data", run("status")[1])
    assert run("stop") == (0, "stopped")
    assert run("stop") == (0, "was not running")
    assert run("status") == (3, "not running")


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="needs /bin/ps, as macOS has it")
def test_without_proc_the_server_is_found_by_ps(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedPostgres(state_dir) as server:
        pid = server.pid
        monkeypatch.setattr(postmaster, "PROC", Path("/no-proc"))
        monkeypatch.setenv("COLUMNS", "40")
        assert server.pid == pid
        assert postmaster.processes(server.data_dir) == {pid}
    assert server.pid is None
