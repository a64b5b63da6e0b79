"""The Wilson interval against published figures, and at the edges."""

import pytest

from sla_engine.application.compliance import wilson


def test_eighteen_of_twenty_is_anything_from_seventy_to_ninety_seven_percent() -> None:
    share = wilson(18, 20)
    assert share is not None
    assert share.ratio == 0.9
    assert (round(share.low, 2), round(share.high, 2)) == (0.70, 0.97)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_it_stays_within_0_and_1(successes: int, trials: int, low: float, high: float) -> None:
    share = wilson(successes, trials)
    assert share is not None
    assert share.low == pytest.approx(low, abs=1e-4)
    assert share.high == pytest.approx(high, abs=1e-4)


def test_of_nothing_nothing_is_said() -> None:
    assert wilson(0, 0) is None
