"""A demo started again goes on where it was."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.demo.journal import Journal, JournalError, Told


def test_a_new_journal_begins_with_the_first_story(tmp_path: Path) -> None:
    assert Journal.load(tmp_path / "stories.json").next_number == 0


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "stories.json"
    told = Told(number=3, started_at=datetime(2026, 3, 2, 10, 0, 0, 5, tzinfo=UTC), posted=2)
    Journal(path=path, next_number=4, posted=17, under_way=[told]).save()
    loaded = Journal.load(path)
    assert (loaded.next_number, loaded.posted, loaded.under_way) == (4, 17, [told])
    assert [entry.name for entry in tmp_path.iterdir()] == ["stories.json"]


def test_a_broken_journal_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "stories.json"
    path.write_text("{")
    with pytest.raises(JournalError, match="make demo-reset"):
        Journal.load(path)
