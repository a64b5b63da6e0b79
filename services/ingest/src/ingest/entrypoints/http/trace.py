"""The W3C trace context of a request: taken from it, or made."""

import random
import re

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent_of(given: str | None) -> str:
    """`given` if it is one (version 00), otherwise a new one, sampled."""
    if given is not None and _TRACEPARENT.fullmatch(given):
        return given
    drawn = f"{random.getrandbits(192):048x}"  # it tells requests apart and guards nothing
    return f"00-{drawn[:32]}-{drawn[32:]}-01"
