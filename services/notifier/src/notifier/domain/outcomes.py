"""What a request to a channel, or a look for a message, can come to."""

import enum

import msgspec


class Outcome(enum.StrEnum):
    """The closed set of outcomes that the metric of attempts counts."""

    SENT = "sent"
    RETRY = "retry"
    RATE_LIMITED = "rate_limited"
    HELD = "held"
    DEAD = "dead"
    AMBIGUOUS = "ambiguous"
    SUPERSEDED = "superseded"
    FOUND = "found"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The provider has it. `channel` and `provider_id` name it for later edits, where the provider says them."""

    channel: str | None = None
    provider_id: str | None = None


class Permanent(msgspec.Struct, frozen=True, kw_only=True):
    """This message will never be taken. `uneditable`: the edit won't, but a message of its own may."""

    reason: str
    response: str | None = None
    uneditable: bool = False


class Temporary(msgspec.Struct, frozen=True, kw_only=True):
    """Surely not taken; it may be later, and not before `retry_after_seconds`."""

    reason: str
    response: str | None = None
    retry_after_seconds: float = 0.0


class RateLimited(msgspec.Struct, frozen=True, kw_only=True):
    """Surely not taken: too many. The provider says when to come again."""

    retry_after_seconds: float
    reason: str = "rate_limited"
    response: str | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Surely not taken, and nothing else will be: the provider refuses the key we have. Says when to look again."""

    reason: str
    retry_after_seconds: float
    response: str | None = None


class Ambiguous(msgspec.Struct, frozen=True, kw_only=True):
    """It may have been taken, or not."""

    reason: str
    response: str | None = None


SendResult = Sent | Permanent | Temporary | RateLimited | Held | Ambiguous
"""What a request came to."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The message is there."""

    channel: str | None = None
    provider_id: str | None = None


class Absent(msgspec.Struct, frozen=True, kw_only=True):
    """All that was said since the request was read, and the message is not among it."""


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """It can't be found out, and why: a missing scope, a channel with more than can be read."""

    reason: str


LookupResult = Found | Absent | Unknown
"""What a look for a message came to."""

OUTCOMES: dict[type, Outcome] = {
    Sent: Outcome.SENT,
    Permanent: Outcome.DEAD,
    Temporary: Outcome.RETRY,
    RateLimited: Outcome.RATE_LIMITED,
    Held: Outcome.HELD,
    Ambiguous: Outcome.AMBIGUOUS,
    Found: Outcome.FOUND,
    Absent: Outcome.ABSENT,
    Unknown: Outcome.UNKNOWN,
}
"""How each result is counted."""
