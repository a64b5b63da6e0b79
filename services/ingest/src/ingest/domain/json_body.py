"""Reading JSON as CRMs send it, without losing a digit, and asking for fields of it by type."""

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from ingest.domain.translation import FailureReason, Untranslatable
from shared.events.lead import Scalar

_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
"""Narrower than `Decimal`, which also takes 1_000, NaN and the digits of other scripts."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(float_hook=Decimal)


def parse(body: bytes, *, decoder: msgspec.json.Decoder[object] = _decoder) -> object:
    """The JSON value of `body`; numbers with a fraction are `Decimal`, so that amounts keep what was written."""
    try:
        return decoder.decode(body.removeprefix(_BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError) as error:
        raise Untranslatable(FailureReason.MALFORMED_BODY, f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise Untranslatable(FailureReason.MALFORMED_BODY, "the body's JSON is nested too deep") from error


def record(value: object, *, place: str) -> Mapping[str, object]:
    """`value` as a JSON object."""
    if isinstance(value, dict):
        return value
    raise _malformed(place, "an object", value)


def text_id(value: object, *, place: str) -> str:
    """`value`, a number or a text, as a non-empty id."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value:
        return value
    raise _malformed(place, "an id", value)


def optional_id(value: object, *, place: str) -> str | None:
    """Like `text_id`; null, empty and absent are None."""
    return None if value is None or value == "" else text_id(value, place=place)


def optional_text(value: object) -> str | None:
    """`value` if it is a non-empty text, otherwise None."""
    return value if isinstance(value, str) and value else None


def scalar(value: object) -> Scalar:
    """`value` as an attribute: numbers with a fraction as decimal text, anything that is no scalar as JSON text."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, Decimal):
        return format(value, "f") if _prints_short(value) else str(value)
    return msgspec.json.encode(value, enc_hook=str).decode()


def decimal_text(value: object, *, place: str) -> str | None:
    """An amount as decimal text, digit for digit as it was sent; null and empty are None."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not _DECIMAL.fullmatch(str(value)):
        raise _malformed(place, "a decimal number", value)
    number = Decimal(str(value))
    if not _prints_short(number):
        raise _malformed(place, "a decimal number", value)
    return format(number, "f")


def _prints_short(number: Decimal) -> bool:
    """1e1000000 would print as a million digits."""
    return abs(number.adjusted()) <= 60 and len(number.as_tuple().digits) <= 120


def _malformed(place: str, wanted: str, value: object) -> Untranslatable:
    return Untranslatable(FailureReason.MALFORMED_PART, f"{place}: {wanted} is needed, not {value!r:.60}")
