"""Replays are refused: a signed timestamp must be near."""

from datetime import UTC, datetime, timedelta

from ingest.domain.rejection import Rejected, RejectionReason

TOLERANCE = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_fresh(timestamp: str | None, *, now: datetime, per_second: int, header: str) -> None:
    """Raise `Rejected` unless `timestamp` (digits since 1970, `per_second` to the second) is within five minutes."""
    if timestamp is None:
        raise Rejected(RejectionReason.MISSING_TIMESTAMP, f"{header} is missing")
    if not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 15:
        raise Rejected(RejectionReason.MALFORMED_TIMESTAMP, f"{header} is no whole number of time units since 1970")
    try:
        instant = _EPOCH + timedelta(seconds=int(timestamp) / per_second)
    except OverflowError as error:
        raise Rejected(RejectionReason.MALFORMED_TIMESTAMP, f"{header} is no time") from error
    if now - instant > TOLERANCE:
        raise Rejected(RejectionReason.STALE_TIMESTAMP, f"{header} is older than five minutes")
    if instant - now > TOLERANCE:
        raise Rejected(
            RejectionReason.FUTURE_TIMESTAMP, f"{header} lies more than five minutes ahead; are the clocks right?"
        )
