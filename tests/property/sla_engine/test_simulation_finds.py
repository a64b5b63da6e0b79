"""The simulator can fail: of each fault planted in the engine, the store or the gate it finds a seed."""

from collections.abc import Sequence

import pytest

from tests.support.simulation import mutations
from tests.support.simulation.mutations import Mutation
from tests.support.simulation.plan import Fault
from tests.support.simulation.world import run

WITHIN_SEEDS = 500

ANY = None
OUTAGES = (Fault.KILL_ALL,)
CLOCKS = (Fault.CLOCK,)
SLOWNESS = (Fault.SLOW,)


@pytest.mark.parametrize(
    ("planted", "kinds", "edits"),
    [
        (mutations.no_gate, OUTAGES, False),
        (mutations.plans_prove_the_log, OUTAGES, False),
        (mutations.late_by_the_gate, OUTAGES, False),
        (mutations.no_fence, ANY, False),
        (mutations.position_first, ANY, False),
        (mutations.results_first, ANY, False),
        (mutations.cache_before_commit, ANY, False),
        (mutations.forgetful_agenda, ANY, False),
        (mutations.no_stored_wakeups, ANY, False),
        (mutations.judged_earlier_again, CLOCKS, False),
        (mutations.gate_of_any_clock, CLOCKS, True),
        (mutations.deaf_to_editions, SLOWNESS, True),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_planted_fault_is_found(planted: Mutation, kinds: Sequence[Fault] | None, *, edits: bool) -> None:
    with planted():
        found = next((seed for seed in range(WITHIN_SEEDS) if run(seed, kinds, edits=edits).violations), None)
    assert found is not None, f"{planted.__name__}: {planted.__doc__} Not found within {WITHIN_SEEDS} seeds."
    assert not run(found, kinds, edits=edits).violations, "without the planted fault the same run is clean"
