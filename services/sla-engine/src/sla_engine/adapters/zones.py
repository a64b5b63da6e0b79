"""The IANA zones that this machine knows."""

from functools import cache
from zoneinfo import available_timezones


@cache
def known_zones() -> frozenset[str]:
    """Their names. Asking walks the whole zone database (some 15 ms), so it is asked once a process."""
    return frozenset(available_timezones())
