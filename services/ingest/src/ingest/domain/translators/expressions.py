"""JMESPath expressions of the mapping: checked once, evaluated on a part of a body."""

import difflib
import functools
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.parser import ParsedResult

from ingest.domain import json_body
from ingest.domain.translation import FailureReason, Untranslatable

Exact = type("float", (Decimal,), {})
"""A decimal number that passes for a `float` in JMESPath, which knows types by their names: its functions (`sum`,
`max`, …) take it, and an amount still keeps the digits that were sent."""

_decoder = msgspec.json.Decoder(float_hook=Exact)


class BadExpression(ValueError):  # noqa: N818 - named after what it is about
    """The text is no JMESPath expression; says where it goes wrong."""


@functools.lru_cache(maxsize=4096)
def compiled(expression: str) -> ParsedResult:
    """The expression, parsed. Raises `BadExpression`."""
    try:
        parsed = jmespath.compile(expression)
    except (JMESPathError, ValueError) as error:
        position = getattr(error, "lex_position", None)
        where = f" at character {position}" if isinstance(position, int) else ""
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].removesuffix(", for expression:")
        raise BadExpression(f"{expression!r} is no JMESPath expression{where}: {reason}") from error
    for fault in _faulty_calls(parsed.parsed):
        raise BadExpression(f"{expression!r} is no JMESPath expression: {fault}")
    return parsed


def _faulty_calls(node: Mapping[str, Any]) -> Iterator[str]:
    # JMESPath itself looks functions up only when it comes to a call, so a typing error would fail every request.
    children = [child for child in node["children"] if isinstance(child, Mapping)]
    if node["type"] == "function_expression":
        yield from _faulty_call(str(node["value"]), len(children))
    for child in children:
        yield from _faulty_calls(child)


def _faulty_call(name: str, given: int) -> Iterator[str]:
    known = Functions.FUNCTION_TABLE.get(name)
    if known is None:
        near = difflib.get_close_matches(name, Functions.FUNCTION_TABLE, n=1)
        hint = f"; did you mean {near[0]}()?" if near else f"; there are {', '.join(sorted(Functions.FUNCTION_TABLE))}"
        yield f"there is no function {name}(){hint}"
        return
    signature = known["signature"]
    least, more = len(signature), bool(signature and signature[-1].get("variadic"))
    if given < least or (given > least and not more):
        yield f"{name}() takes {'at least ' if more else ''}{least}, not {given} arguments"


def evaluate(expression: str, value: object, *, place: str) -> object:
    """What the expression gives on `value`; nothing found is None. Raises `Untranslatable`."""
    try:
        return compiled(expression).search(value)
    except (JMESPathError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        raise Untranslatable(
            FailureReason.RULE_FAILED, f"{place}: {expression!r} fails on this part: {error}"
        ) from error


def is_true(value: object) -> bool:
    """Truth as JMESPath has it: null, false and empty texts, lists and objects are false; 0 is true."""
    return value is not None and value is not False and value not in ("", [], {})


def parse_exact(body: bytes) -> object:
    """The JSON value of `body`, its fractions as `Exact`."""
    return json_body.parse(body, decoder=_decoder)
