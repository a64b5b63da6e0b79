"""Durations and warnings as people write them, and as they are said back."""

import pytest

from sla_engine.domain.durations import DurationError, parse_duration, parse_warning, say
from sla_engine.domain.instants import DAY, HOUR, MINUTE, SECOND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90 * SECOND),
        ("15m", 15 * MINUTE),
        ("1h", HOUR),
        ("1h 30m", 90 * MINUTE),
        ("1h30min", 90 * MINUTE),
        ("1.5 hours", 90 * MINUTE),
        ("24h", 24 * HOUR),
        ("0s", 0),
        (" 2 minutes ", 2 * MINUTE),
    ],
)
def test_a_duration_is_read(text: str, expected: int) -> None:
    assert parse_duration(text).us == expected


def test_business_days_take_the_length_of_the_calendars_day() -> None:
    assert parse_duration("2 business days").in_calendar(7 * HOUR) == 14 * HOUR
    assert parse_duration("1 business day").in_calendar(8 * HOUR) == 8 * HOUR


@pytest.mark.parametrize("text", ["1 day", "2d", "1 week"])
def test_a_bare_day_is_refused_for_it_may_mean_two_things(text: str) -> None:
    with pytest.raises(DurationError, match='write "1 business day" or "24h"'):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "15", "m", "-5m", "five minutes", "1h and", "1 fortnight", "1h -"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(DurationError, match="no duration: write one"):
        parse_duration(text)


def test_warnings_are_shares_used_or_time_left() -> None:
    assert parse_warning("75%").after_us(HOUR) == 45 * MINUTE
    assert parse_warning("15m left").after_us(HOUR) == 45 * MINUTE
    assert parse_warning("15m before").after_us(HOUR) == 45 * MINUTE
    assert parse_warning("2h left").after_us(HOUR) is None, "there never is so much left"


@pytest.mark.parametrize("text", ["0%", "100%", "150%", "75", "soon", "0s left", "1 business day left"])
def test_what_is_no_warning_is_refused(text: str) -> None:
    with pytest.raises(DurationError):
        parse_warning(text)


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (0, "0 s"),
        (1, "less than 1 s"),
        (45 * SECOND, "45 s"),
        (58 * MINUTE, "58 min"),
        (90 * MINUTE, "1 h 30 min"),
        (HOUR + 5 * SECOND, "1 h"),
        (2 * DAY + 3 * HOUR + 5 * MINUTE, "2 d 3 h"),
        (-5, "0 s"),
    ],
)
def test_a_duration_is_said_in_two_words_at_most(duration: int, said: str) -> None:
    assert say(duration) == said
