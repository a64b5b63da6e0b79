"""Where the embedded server's files lie."""

from pathlib import Path

import pytest

from shared.embedded import EmbeddedPostgres, EmbeddedPostgresError, forget
from shared.embedded.place import LONGEST_SOCKET_PATH, SOCKET_NAME, Place


def test_the_socket_lies_beside_the_data_where_its_path_can_be_one() -> None:
    place = Place(Path("/srv/leadpact/state"))
    assert place.socket_folder == Path("/srv/leadpact/state/postgres/run")
    assert EmbeddedPostgres(Path("/srv/leadpact/state")).url == (
        "postgresql://leadpact@/leadpact?host=/srv/leadpact/state/postgres/run&port=5432"
    )


@pytest.mark.parametrize("length", range(LONGEST_SOCKET_PATH - 3, LONGEST_SOCKET_PATH + 4))
def test_no_socket_path_is_ever_too_long(length: int) -> None:
    rest = len(f"/postgres/run/{SOCKET_NAME}")
    place = Place(Path("/" + "d" * (length - rest - 1)))
    near = place.folder / "run"
    assert len(str(near / SOCKET_NAME)) == length
    assert len(str(place.socket_folder / SOCKET_NAME).encode()) <= LONGEST_SOCKET_PATH
    assert (place.socket_folder == near) == (length <= LONGEST_SOCKET_PATH)


@pytest.mark.parametrize("name", ["a b", "a,b", "a'b", "a%20b", "a&b", "a?b", "ä"])
def test_an_odd_path_gets_a_plain_one_for_its_socket(name: str) -> None:
    socket_folder = Place(Path("/srv") / name).socket_folder
    assert socket_folder.parent == Path("/tmp")
    assert socket_folder.name.startswith("leadpact-")
    assert socket_folder == Place(Path("/srv") / name).socket_folder
    assert socket_folder != Place(Path("/srv") / f"{name}2").socket_folder


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match=r"file/state can't be made.*LEADPACT_STATE_DIR"):
        Place(tmp_path / "file" / "state").make_state_dir()


def test_what_never_was_can_be_stopped_and_forgotten(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "state")
    assert not server.stop()
    assert not server.answers()
    server.leave()
    forget(tmp_path / "state")
    assert not (tmp_path / "state").exists()
