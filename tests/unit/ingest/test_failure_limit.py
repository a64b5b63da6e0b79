"""When does translation stop instead of dead-lettering everything?"""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.application.failure_limit import WINDOW, FailureLimit, RecentOutcomes

FAILED = ("crm", "unmapped_stage")


def after(outcomes: list[bool], limit: FailureLimit) -> str | None:
    """What is said after these requests; True is a failure."""
    recent = RecentOutcomes(limit)
    for failed in outcomes:
        recent.note(FAILED if failed else None)
    return recent.exceeded()


def test_a_few_requests_prove_nothing() -> None:
    assert after([True] * 99, FailureLimit(ratio=0.5, requests=100)) is None
    assert after([True] * 100, FailureLimit(ratio=0.5, requests=100)) is not None


def test_exactly_the_ratio_is_allowed() -> None:
    limit = FailureLimit(ratio=0.5, requests=100)
    assert after([True, False] * 100, limit) is None
    assert after([True, False] * 99 + [True, True], limit) is not None


def test_good_requests_of_long_ago_do_not_hide_that_all_fails_now() -> None:
    assert after([False] * 10_000 + [True] * 101, FailureLimit(ratio=0.5, requests=100)) is not None


def test_a_ratio_of_one_never_stops() -> None:
    assert after([True] * 1_000, FailureLimit(ratio=1.0, requests=1)) is None


def test_what_fails_most_is_named_with_the_cure() -> None:
    recent = RecentOutcomes(FailureLimit(ratio=0.5, requests=3))
    for failure in (("a", "bug"), ("b", "malformed_body"), ("b", "malformed_body")):
        recent.note(failure)
    told = recent.exceeded()
    assert told is not None
    assert "3 of the last 3 requests" in told
    assert "2 of them from source 'b' (malformed_body)" in told
    assert "ingest translate" in told


@settings(derandomize=True, deadline=None, max_examples=100)
@given(outcomes=st.lists(st.booleans(), max_size=700), ratio=st.sampled_from([0.1, 0.5, 0.9]))
def test_it_judges_the_last_requests_whatever_came_before(outcomes: list[bool], ratio: float) -> None:
    last = outcomes[-WINDOW:]
    expected = len(last) >= 100 and sum(last) > ratio * len(last)
    assert (after(outcomes, FailureLimit(ratio=ratio, requests=100)) is not None) is expected
