"""The gate opens as far as the latest question whose answer is reached; a clock set back closes it for a moment."""

from datetime import UTC, datetime, timedelta

from shared.streams.gate import MOST_PENDING, Gate

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_closed_until_the_end_that_was_answered_is_reached() -> None:
    gate = Gate()
    assert gate.reached(10) is None
    gate.probed(at(1), 12)
    assert gate.reached(11) is None
    assert gate.reached(12) == at(1)


def test_stays_open_while_a_later_end_is_not_reached() -> None:
    gate = Gate()
    gate.probed(at(1), 12)
    gate.probed(at(2), 20)
    assert gate.reached(15) == at(1)
    assert gate.reached(20) == at(2)


def test_a_clock_set_back_closes_it_until_the_end_is_reached_anew() -> None:
    """What a clock called known while it was ahead would stand for hours that have not come yet."""
    gate = Gate()
    gate.probed(at(3600), 1)
    assert gate.reached(1) == at(3600)
    gate.probed(at(3), 5)
    assert gate.reached(1) is None
    assert gate.reached(5) == at(3)


def test_questions_of_a_clock_that_was_ahead_are_forgotten() -> None:
    gate = Gate()
    gate.probed(at(3600), 5)
    gate.probed(at(3), 7)
    assert gate.reached(5) is None
    assert gate.reached(7) == at(3)


def test_a_consumer_that_lags_keeps_the_earliest_questions() -> None:
    gate = Gate()
    for second in range(MOST_PENDING * 2):
        gate.probed(at(second), 100 + second)
    assert gate.reached(100) == at(0)
    assert gate.reached(10_000) == at(MOST_PENDING - 1)
