"""The failure table of the engine, cell by cell: whatever happens to a process, wherever it is, nothing suffers."""

import itertools
import os

import pytest

from tests.support.simulation.cells import POINTS, Cell, Deed
from tests.support.simulation.world import run

RUNS = max(1, int(os.environ.get("LEADPACT_TEST_SIMULATION_RUNS", "0")) // 100)
WITHIN_SEEDS = 60
EDITED = ("open_leads answered", "editions answered")
"""Where a process is only with editions."""


@pytest.mark.parametrize("deed", Deed, ids=lambda deed: deed.name.lower())
@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.replace(" ", "_"))
def test_whatever_happens_wherever_it_is(point: str, deed: Deed) -> None:
    cell, happened = Cell(point=point, deed=deed), 0
    for seed in itertools.count(1000):
        outcome = run(seed, (), edits=point in EDITED, cell=cell)
        assert not outcome.violations, f"run({seed}, (), edits={point in EDITED}, cell={cell})\n" + "\n".join(
            [*outcome.violations, *outcome.trace]
        )
        happened += outcome.deeds > 0
        if happened == RUNS:
            return
        assert seed < 1000 + WITHIN_SEEDS * RUNS, "it hardly ever happens"
