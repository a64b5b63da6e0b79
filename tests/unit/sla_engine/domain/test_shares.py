"""Shares as people write them: what part of the promises is to be kept."""

import pytest

from sla_engine.domain.durations import DurationError, parse_share


@pytest.mark.parametrize(("text", "share"), [("90%", 0.9), (" 99.5 % ", 0.995), ("100%", 1.0)])
def test_a_share_is_read(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["0%", "101%", "0.9", "most"])
def test_what_is_no_share_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(DurationError, match='is no share: write one such as "90%"'):
        parse_share(text)
