"""What differs between two agreements, as their files say it: one line a difference."""

import json
from collections.abc import Iterator, Mapping

LONGEST = 60
"""Characters of a value; what is longer is cut."""


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Such as `clocks.first_touch.targets.default: 2h → 1h`, in the order of the files; things of a list go by name."""
    return list(_differences("", old, new))


def _differences(place: str, old: object, new: object) -> Iterator[str]:
    before, after = _parts(old), _parts(new)
    if before is None or after is None:
        if old != new:
            yield f"{place}: {_said(old)} → {_said(new)}"
        return
    for key in dict.fromkeys([*before, *after]):
        at = f"{place}.{key}" if place else key
        if key not in after:
            yield f"{at}: removed (was {_said(before[key])})"
        elif key not in before:
            yield f"{at}: added ({_said(after[key])})"
        else:
            yield from _differences(at, before[key], after[key])


def _parts(value: object) -> Mapping[str, object] | None:
    """A section by its keys, a list of named things by their names; None: it is compared as a whole."""
    if isinstance(value, Mapping):
        return {str(key): part for key, part in value.items()}
    if isinstance(value, list) and value and all(isinstance(each, Mapping) and "name" in each for each in value):
        named = {f"[{each['name']}]": each for each in value}
        return named if len(named) == len(value) else None
    return None


def _said(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
