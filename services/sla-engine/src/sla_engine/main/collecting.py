"""The garbage collector, set for a process that keeps much and makes few cycles."""

import gc

YOUNG_OBJECTS = 100_000
"""A batch makes hundreds of thousands of objects, nearly all freed by counting references: look at them seldom."""


def settle_collector() -> None:
    """What was made at start lives as long as the process; what comes is looked through less often (5 % of the CPU)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
