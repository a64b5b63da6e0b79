"""Pydantic's findings, said so that an administrator can act on them."""

import difflib
import types
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ingest.adapters.yaml_places import Path


def explained(model: type[BaseModel], error: ErrorDetails) -> tuple[Path, str]:
    """Where the error is, below the model, and what to do about it."""
    path = tuple(step for step in error["loc"] if step != "[key]")
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        return path, f"there is no key {path[-1]!r} here{_suggestion(str(path[-1]), known)}"
    if kind == "missing":
        return path[:-1], f"{path[-1]!r} is missing; add it"
    if kind in ("enum", "literal_error"):
        expected = str(error.get("ctx", {}).get("expected", ""))
        words = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]
        return path, f"{error['input']!r:.60} is not one of {expected}{guess(str(error['input']), words)}"
    if kind == "string_pattern_mismatch":
        return path, (
            f"{error['input']!r:.60} is no name of ours; write it in lower case, with digits, '-' or '_' after a "
            f"first letter (pattern {error['ctx']['pattern']})"
        )
    return path, error["msg"].removeprefix("Value error, ").removeprefix("Input ").strip()


def _suggestion(word: str, known: Sequence[str]) -> str:
    return guess(word, known) or f"; known: {', '.join(known)}"


def guess(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that the model knows at `path`."""
    current: Any = model
    for step in path:
        current = _below(_bare(current), step)
        if current is None:
            return []
    found = _bare(current)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return []
    return [field.alias or name for name, field in found.model_fields.items()]


def _below(annotation: Any, step: str | int) -> Any:  # noqa: ANN401 - annotations have no type of their own
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if step in (name, field.alias):
                return field.annotation
        return None
    arguments = get_args(annotation)
    return arguments[-1] if arguments else None


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - same
    """Without `Annotated` and `| None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _bare(next(one for one in get_args(annotation) if one is not type(None)))
    return annotation
