"""Words on the pages."""

from zoneinfo import ZoneInfo

import pytest
from fastapi import HTTPException

from sla_engine.application.reading import Place
from sla_engine.domain.obligation import State
from sla_engine.entrypoints.http.cursor import from_cursor, to_cursor
from sla_engine.entrypoints.http.wording import STATES, instant, relative
from tests.support.story_builder import utc

BERLIN = ZoneInfo("Europe/Berlin")
NOW = utc("2024-07-08 12:00")


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("2024-07-08 10:00", "12:00:00"),
        ("2024-07-08 22:30", "Tue 9 Jul 00:30:00"),
        ("2024-01-08 10:00", "Mon 8 Jan 11:00:00"),
        ("2023-12-31 23:30", "Mon 1 Jan 00:30:00"),
        ("2023-12-31 22:30", "Sun 31 Dec 2023 23:30:00"),
    ],
)
def test_an_instant_is_shown_in_the_readers_zone_with_utc_behind_it(at: str, text: str) -> None:
    shown = instant(utc(at), BERLIN, NOW)
    assert shown.text == text
    assert shown.utc == f"{at}:00 UTC"
    assert shown.iso == f"{at.replace(' ', 'T')}:00Z"


def test_the_date_is_not_repeated() -> None:
    assert instant(utc("2024-01-08 11:00"), BERLIN, NOW, after=utc("2024-01-08 10:00")).text == "12:00:00"


def test_distances_say_which_way() -> None:
    assert relative(utc("2024-07-08 12:12"), NOW) == "in 12 min"
    assert relative(utc("2024-07-08 10:30"), NOW) == "1 h 30 min ago"
    assert relative(NOW, NOW) == "now"


def test_every_state_has_a_word_and_a_sign() -> None:
    assert {state.value for state in State} | {"withdrawn"} == set(STATES)


def test_a_cursor_comes_back_as_it_went() -> None:
    place = Place(deadline=NOW, id="a" * 32)
    assert from_cursor(to_cursor(place), Place) == place
    assert from_cursor(None, Place) is None


@pytest.mark.parametrize("cursor", ["", "x", "%%%", to_cursor("text"), to_cursor(7), "ÄÖ"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(HTTPException) as refused:
        from_cursor(cursor, Place)
    assert refused.value.status_code == 400
