"""The API's reference as a page of our own: FastAPI's would load scripts from another host."""

from collections.abc import Iterator
from typing import Any

import msgspec


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of an operation."""

    name: str
    place: str
    required: bool
    description: str


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the API does."""

    method: str
    path: str
    summary: str
    parameters: tuple[Parameter, ...]


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """The operations of an OpenAPI document, in its order."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield Operation(
                method=method.upper(),
                path=path,
                summary=operation.get("summary", ""),
                parameters=tuple(_parameter(each) for each in operation.get("parameters", ())),
            )


def _parameter(each: dict[str, Any]) -> Parameter:
    return Parameter(
        name=each["name"],
        place=each["in"],
        required=bool(each.get("required")),
        description=each.get("description", ""),
    )
