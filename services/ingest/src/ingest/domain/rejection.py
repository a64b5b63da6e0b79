"""Why a request was turned away: a closed set, for it feeds metrics."""

import enum


class RejectionReason(enum.StrEnum):
    """The label `reason` of `webhook_rejected_total`, as far as verification decides it."""

    MISSING_SIGNATURE = "missing_signature"
    MALFORMED_SIGNATURE = "malformed_signature"
    BAD_SIGNATURE = "bad_signature"
    MISSING_TIMESTAMP = "missing_timestamp"
    MALFORMED_TIMESTAMP = "malformed_timestamp"
    STALE_TIMESTAMP = "stale_timestamp"
    FUTURE_TIMESTAMP = "future_timestamp"
    MISSING_CREDENTIALS = "missing_credentials"
    BAD_CREDENTIALS = "bad_credentials"
    WRONG_ACCOUNT = "wrong_account"
    MALFORMED_BODY = "malformed_body"


class Rejected(Exception):  # noqa: N818 - it is the verdict, not a fault
    """The request does not come from whom it says, or can't be read far enough to tell.

    `detail` names no secret and no part of the body; `malformed` says whether 400 fits better than 401.
    """

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    @property
    def malformed(self) -> bool:
        """The sender may well be genuine, but what it sent can't be read."""
        return self.reason is RejectionReason.MALFORMED_BODY
