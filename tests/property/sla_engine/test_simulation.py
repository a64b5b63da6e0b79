"""Whatever dies whenever, in whatever order news comes: nothing is lost, nothing doubled, nothing false.

Each seed is a run of engines on simulated time, log and database (`tests.support.simulation`). A seed that fails is
printed; `python -m tests.support.simulation SEED` replays it with its trace.
"""

import os

import pytest

from tests.support.simulation.world import run

RUNS = int(os.environ.get("LEADPACT_TEST_SIMULATION_RUNS", "100"))
BLOCK = 50


@pytest.mark.parametrize("first", range(0, RUNS, BLOCK))
def test_every_run_ends_as_if_all_had_come_in_order_and_nothing_had_died(first: int) -> None:
    failed = [outcome for seed in range(first, min(first + BLOCK, RUNS)) if (outcome := run(seed)).violations]
    told = [f"python -m tests.support.simulation {each.seed}\n  " + "\n  ".join(each.violations[:5]) for each in failed]
    assert not failed, "\n".join([f"{len(failed)} seeds fail; replay them:", *told])


def test_a_seed_replays_exactly() -> None:
    for seed in range(5):
        one, other = run(seed), run(seed)
        assert one == other
        assert one.trace, "something happened"


def test_the_runs_are_no_idle_ones() -> None:
    outcomes = [run(seed) for seed in range(20)]
    assert sum(outcome.commits for outcome in outcomes) > 200
    assert sum("dies" in line for outcome in outcomes for line in outcome.trace) > 5
    assert sum("breached" in line for outcome in outcomes for line in outcome.trace) > 20
