"""The simulator can fail: of each fault planted in the engine, the store or the gate it finds a seed."""

from collections.abc import Sequence

import pytest

from tests.support.simulation import mutations
from tests.support.simulation.mutations import Mutation
from tests.support.simulation.plan import Fault
from tests.support.simulation.world import run

WITHIN_SEEDS = 500
RARE = 80
"""Where the search for what is rarely found begins: near a seed that finds it, to be quick."""

ANY = None
OUTAGES = (Fault.KILL_ALL,)
CLOCKS = (Fault.CLOCK,)
SLOWNESS = (Fault.SLOW,)


@pytest.mark.parametrize(
    ("planted", "kinds", "edits", "first"),
    [
        (mutations.no_gate, OUTAGES, False, 0),
        (mutations.plans_prove_the_log, OUTAGES, False, RARE),
        (mutations.late_by_the_gate, OUTAGES, False, 0),
        (mutations.no_fence, ANY, False, 0),
        (mutations.position_first, ANY, False, 0),
        (mutations.results_first, ANY, False, 0),
        (mutations.cache_before_commit, ANY, False, 0),
        (mutations.forgetful_agenda, ANY, False, 0),
        (mutations.no_stored_wakeups, ANY, False, 0),
        (mutations.judged_earlier_again, CLOCKS, False, 0),
        (mutations.gate_of_any_clock, CLOCKS, True, 0),
        (mutations.deaf_to_editions, SLOWNESS, True, 0),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_planted_fault_is_found(planted: Mutation, kinds: Sequence[Fault] | None, first: int, *, edits: bool) -> None:
    with planted():
        found = next(
            (seed for seed in range(first, first + WITHIN_SEEDS) if run(seed, kinds, edits=edits).violations), None
        )
    assert found is not None, f"{planted.__name__}: {planted.__doc__} Not found within {WITHIN_SEEDS} seeds."
    assert not run(found, kinds, edits=edits).violations, "without the planted fault the same run is clean"
