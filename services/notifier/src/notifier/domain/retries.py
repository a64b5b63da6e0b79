"""When a failed delivery is tried again."""

import random
from datetime import timedelta

DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 7200, 21600))
"""5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 6 h: after these a delivery is dead."""
JITTER = 0.2
MAX_ATTEMPTS = len(DELAYS) + 1


def retry_delay(delivery_id: str, *, attempt: int) -> timedelta:
    """How long to wait after failed attempt number `attempt` (from 1): ±20 %, the same for the same delivery."""
    seeded = random.Random(f"{delivery_id}:{attempt}")  # noqa: S311 - spreads load, guards nothing
    return DELAYS[min(attempt, len(DELAYS)) - 1] * (1 + seeded.uniform(-JITTER, JITTER))
