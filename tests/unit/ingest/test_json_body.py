"""Numbers keep their digits, and odd ones are refused before they do harm."""

import pytest

from ingest.domain import instants, json_body
from ingest.domain.translation import FailureReason, Untranslatable
from ingest.domain.translators.expressions import parse_exact


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("17.51", "17.51"),
        ("120000.0", "120000.0"),
        ("0.10", "0.10"),
        ("-5", "-5"),
        ("1E+2", "100"),
        ("12345678901234567890.123456789", "12345678901234567890.123456789"),
    ],
)
def test_amounts_keep_their_digits(written: str, kept: str) -> None:
    assert json_body.decimal_text(json_body.parse(written.encode()), place="amount") == kept
    assert json_body.decimal_text(parse_exact(written.encode()), place="amount") == kept
    assert json_body.decimal_text(written, place="amount") == kept


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_amount_is_none(nothing: object) -> None:
    assert json_body.decimal_text(nothing, place="amount") is None


@pytest.mark.parametrize(
    "odd", ["NaN", "Infinity", "1_000", "١٢", "1,5", "1e999999999", "1e99999999999", "0x1", True, [], {}]
)
def test_what_is_no_decimal_number_is_refused(odd: object) -> None:
    with pytest.raises(Untranslatable) as refused:
        json_body.decimal_text(odd, place="amount")
    assert refused.value.reason is FailureReason.MALFORMED_PART
    assert refused.value.detail.startswith("amount: ")


@pytest.mark.parametrize("odd", ["1e99999999", "-1e99999999", "253402300800000", "-62135596801"])
def test_numbers_beyond_any_calendar_are_no_instants(odd: str) -> None:
    for value in (odd, parse_exact(odd.encode())):
        with pytest.raises(Untranslatable) as refused:
            instants.from_anything(value, place="at")
        assert refused.value.reason is FailureReason.MALFORMED_TIME


def test_a_number_too_small_to_tell_is_the_beginning_of_1970() -> None:
    assert instants.from_anything(parse_exact(b"1e-99999999"), place="at").timestamp() == 0


@pytest.mark.parametrize("body", [b"", b"{", b"nan", b'"\\ud800"', b"\xff", b"[" * 100_000, b"9" * 5000, b"1 2"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Untranslatable) as refused:
        json_body.parse(body)
    assert refused.value.reason is FailureReason.MALFORMED_BODY


def test_a_byte_order_mark_is_skipped() -> None:
    assert json_body.parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
