"""Spans of time as people say them."""


def spoken(seconds: float) -> str:
    """`45 s`, `12 min`, `1 h 5 min`, `26 h`. Whole hours are never turned into days: a working day is not 24 hours."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10 and rest:
        return f"{minutes} min {rest} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"
