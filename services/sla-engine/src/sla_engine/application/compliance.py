"""How well promises were kept in a period, with the uncertainty that small numbers have."""

import math
from typing import NamedTuple

from sla_engine.application.reading import Tally

CONFIDENCE_Z = 1.959963984540054
"""Two-sided 95 %."""


class Share(NamedTuple):
    """A ratio and its 95 % confidence interval."""

    ratio: float
    low: float
    high: float


def kept(tally: Tally) -> Share | None:
    """Met over met and breached; excused and cancelled promises count for neither. None: nothing was decided."""
    return wilson(tally.met, tally.met + tally.breached)


def wilson(successes: int, trials: int, *, z: float = CONFIDENCE_Z) -> Share | None:
    """The Wilson score interval (E. B. Wilson, 1927), which holds for small samples and ratios near 0 and 1."""
    if trials == 0:
        return None
    ratio = successes / trials
    spread = z * math.sqrt(ratio * (1 - ratio) / trials + z * z / (4 * trials * trials))
    centre = ratio + z * z / (2 * trials)
    scale = 1 + z * z / trials
    return Share(ratio, max((centre - spread) / scale, 0.0), min((centre + spread) / scale, 1.0))
