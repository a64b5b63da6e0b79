"""How a webhook is refused: status, counted reason, and a sentence that says what to change."""

import enum

import msgspec

from ingest.domain.rejection import Rejected, RejectionReason


class OtherReason(enum.StrEnum):
    """Reasons that are decided before or after verification; with `RejectionReason` they are all there are."""

    UNKNOWN_SOURCE = "unknown_source"
    METHOD = "method_not_allowed"
    MEDIA_TYPE = "media_type"
    CONTENT_ENCODING = "content_encoding"
    TOO_LARGE = "too_large"
    CUT_SHORT = "cut_short"
    NO_ROOM = "no_room"
    FAILED = "internal_error"


REASONS: tuple[str, ...] = (*(reason.value for reason in RejectionReason), *(reason.value for reason in OtherReason))
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    404: "Not found",
    405: "Method not allowed",
    413: "Body too large",
    415: "Media type not supported",
    500: "Internal error",
    503: "Not available for now",
}


class Refused(Exception):  # noqa: N818 - it is the answer, not a fault
    """Answer with this status, and count this reason."""

    def __init__(self, status: int, reason: str, detail: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.headers = headers


def of_rejection(rejected: Rejected) -> Refused:
    """401, or 400 where the sender may well be genuine but can't be read."""
    return Refused(400 if rejected.malformed else 401, rejected.reason.value, rejected.detail)


def problem_body(refused: Refused, *, path: str) -> bytes:
    """RFC 9457."""
    return msgspec.json.encode(
        {
            "type": "about:blank",
            "title": TITLES[refused.status],
            "status": refused.status,
            "detail": refused.detail,
            "instance": path,
        }
    )
