"""How large the benchmarks are: moderate, or as large as the targets (`make bench FULL=1`), which takes long."""

import os
from typing import TypeVar

T = TypeVar("T")

FULL_VARIABLE = "LEADPACT_BENCH_FULL"


def size(moderate: T, full: T) -> T:
    """The one that was asked for."""
    return full if os.environ.get(FULL_VARIABLE) == "1" else moderate
