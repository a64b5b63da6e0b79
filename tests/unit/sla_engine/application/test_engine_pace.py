"""How much the engine takes from the log at once."""

from sla_engine.application.pace import SMALLEST, Pace

MOST = 32_000


def behind(pace: Pace, fetches: int) -> None:
    for _ in range(fetches):
        pace.brought(pace.records)


def test_it_begins_small_so_that_a_restart_commits_something_soon() -> None:
    assert Pace(MOST).records == SMALLEST


def test_it_grows_while_fetches_come_full_up_to_its_bound() -> None:
    pace = Pace(MOST)
    behind(pace, 2)
    assert pace.records == SMALLEST * 4
    behind(pace, 10)
    assert pace.records == MOST


def test_a_log_that_hands_out_half_of_what_it_was_asked_for_is_still_behind() -> None:
    pace = Pace(MOST)
    pace.brought(pace.records // 2)
    assert pace.records == SMALLEST * 2


def test_it_falls_back_once_little_comes() -> None:
    pace = Pace(MOST)
    behind(pace, 10)
    pace.brought(SMALLEST // 2 - 1)
    assert pace.records == SMALLEST


def test_what_lies_between_leaves_it_as_it_is() -> None:
    pace = Pace(MOST)
    behind(pace, 10)
    pace.brought(SMALLEST)
    assert pace.records == MOST


def test_a_bound_below_the_smallest_holds() -> None:
    pace = Pace(10)
    behind(pace, 3)
    assert pace.records == 10
