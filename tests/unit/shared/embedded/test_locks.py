"""Locks between processes; here between holders in one process, which count alike."""

from pathlib import Path

import pytest

from shared.embedded import EmbeddedPostgresError
from shared.embedded.locks import FileLock, exclusive


def _nothing() -> None:
    pass


def test_many_share_and_nobody_else_excludes(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as one, FileLock(tmp_path / "lock") as two, FileLock(tmp_path / "lock") as three:
        one.share()
        two.share()
        assert not three.try_exclusive()


def test_of_those_that_leave_the_last_one_gets_it_alone(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as one, FileLock(tmp_path / "lock") as two:
        one.share()
        two.share()
        assert not one.try_exclusive()  # and gives its share up
        assert two.try_exclusive()


def test_a_lock_held_too_long_is_named(tmp_path: Path) -> None:
    waited: list[bool] = []
    with (
        exclusive(tmp_path / "lock", timeout_seconds=0, waiting=_nothing),
        pytest.raises(EmbeddedPostgresError, match=r"Another process has held .*lock"),
        exclusive(tmp_path / "lock", timeout_seconds=0, waiting=lambda: waited.append(True)),
    ):
        pass
    assert waited == [True]


def test_it_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "lock", timeout_seconds=0, waiting=_nothing):
        raise ZeroDivisionError
    with exclusive(tmp_path / "lock", timeout_seconds=0, waiting=_nothing):
        pass


def test_a_link_planted_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EmbeddedPostgresError, match="can't be opened"):
        FileLock(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()
