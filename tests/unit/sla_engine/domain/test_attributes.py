"""Attributes as they were at an instant: few words are put together, many are looked up, with the same result."""

import pytest

from sla_engine.domain.attributes import Told
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from tests.support.story_builder import Lead, utc


@pytest.mark.parametrize("others", [0, 20], ids=["few", "many"])
def test_the_latest_word_by_then_counts_and_of_later_words_the_first(others: int) -> None:
    lead = Lead()
    lead.created("2024-01-08 10:00", {"size": 1})
    lead.knows("2024-01-08 11:00", size=2, city="Oslo")
    lead.knows("2024-01-08 12:00", size=3, city="Bergen")
    for minute in range(others):
        lead.knows(f"2024-01-08 13:{minute:02}", other=minute)
    told = Told(History.of(lead.events).facts)
    by_noon, before = told.at(to_us(utc("2024-01-08 11:30"))), told.at(to_us(utc("2024-01-08 09:00")))
    assert (by_noon.get("size"), by_noon.get("city"), by_noon.get("nothing")) == (2, "Oslo", None)
    assert (before.get("size"), before.get("city")) == (1, "Oslo"), "until then it was unknown, not different"
    assert told.at(to_us(utc("2024-01-08 12:00"))).get("size") == 3
    assert set(by_noon) == {"size", "city", *(["other"] if others else [])}
