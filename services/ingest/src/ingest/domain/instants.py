"""Instants as CRMs write them. All results are aware UTC datetimes.

Naive texts are taken as UTC: Pipedrive's v1 and Salesforce's dates without a zone are.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ingest.domain.translation import FailureReason, Untranslatable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = -62_135_596_800_000_000, 253_402_300_800_000_000
"""The years 1 to 9999 in microseconds since 1970: what a datetime can hold."""
_MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on are milliseconds: as seconds they lie beyond the year 5000, as milliseconds after March 1973."""


def from_milliseconds(value: object, *, place: str) -> datetime:
    """An instant from milliseconds since 1970, given as a number or as digits in text."""
    number = _whole(value, place=place)
    try:
        return _EPOCH + timedelta(milliseconds=number)
    except OverflowError:
        raise _unreadable(value, place) from None


def from_text(value: object, *, place: str) -> datetime:
    """An instant from ISO 8601 text, with `T` or a space, with or without a zone (without: UTC)."""
    if not isinstance(value, str):
        raise _unreadable(value, place)
    try:
        instant = datetime.fromisoformat(value.strip())
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _unreadable(value, place) from None


def from_anything(value: object, *, place: str) -> datetime:
    """An instant from ISO 8601 text, or from seconds or milliseconds since 1970 (told apart by their size)."""
    if isinstance(value, str) and not value.strip().lstrip("-").replace(".", "", 1).isdigit():
        return from_text(value, place=place)
    if isinstance(value, bool):
        raise _unreadable(value, place)
    try:
        number = Decimal(str(value))
        micros = number * (1_000 if abs(number) >= _MILLISECONDS_FROM else 1_000_000)
        if not _EARLIEST < micros < _LATEST:
            raise _unreadable(value, place)
        return _EPOCH + timedelta(microseconds=int(micros))
    except ArithmeticError:
        raise _unreadable(value, place) from None


def day_of(value: object, *, place: str) -> datetime:
    """The first instant (UTC) of a day given as `YYYY-MM-DD`."""
    if not isinstance(value, str):
        raise _unreadable(value, place)
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise _unreadable(value, place) from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _whole(value: object, *, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _unreadable(value, place)
    try:
        return int(value)
    except ValueError:
        raise _unreadable(value, place) from None


def _unreadable(value: object, place: str) -> Untranslatable:
    return Untranslatable(FailureReason.MALFORMED_TIME, f"{place}: {value!r:.80} is no instant")
