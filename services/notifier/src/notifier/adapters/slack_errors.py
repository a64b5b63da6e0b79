"""What Slack's errors mean for a message: Slack's own words, sorted into the results of `notifier.domain.outcomes`."""

import math
from collections.abc import Mapping
from typing import Any

import aiohttp

from notifier.domain.outcomes import Ambiguous, Held, Permanent, RateLimited, SendResult, Temporary

HOLD_SECONDS = 60.0
"""How long nothing is sent after Slack refused the key itself."""
DEFAULT_RETRY_AFTER_SECONDS = 30.0
"""When Slack says "too many" and not for how long."""
MOST_RETRY_AFTER_SECONDS = 86_400.0
"""A day: what asks for more is some proxy's mistake."""

_RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
# The key, not the message, is refused. Dead-lettering every message would not help: they wait for a good key. Not
# among them are no_permission and access_denied: they are said of one conversation, which must not hold up the others.
_KEY_REFUSED = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "org_login_required",
        "ekm_access_denied",
        "team_access_not_granted",
        "enterprise_is_restricted",
    }
)
_UNEDITABLE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "msg_too_old"})
_AMBIGUOUS = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})


def from_answer(status: int, headers: Mapping[str, str], data: Any) -> SendResult:  # noqa: ANN401 - a library's answer
    """The result of an answer that is not a success. `data` is Slack's JSON, or text where it gave none."""
    response = str(data)[:500]
    error = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == 429 or error in _RATE_LIMITED:
        return RateLimited(retry_after_seconds=retry_after(headers), response=response)
    if error in _KEY_REFUSED:
        return Held(reason=error, retry_after_seconds=HOLD_SECONDS, response=response)
    if status >= 500 or error in _AMBIGUOUS or not error:
        return Ambiguous(reason=error or f"http_{status}", response=response)
    return Permanent(reason=error, response=response, uneditable=error in _UNEDITABLE)


def from_webhook_answer(status: int, headers: Mapping[str, str], body: str) -> SendResult:
    """The result of an incoming webhook's answer that is not `ok`: a word of text, such as `invalid_payload`."""
    word = body.strip()[:100]
    if status == 429 or word in _RATE_LIMITED:
        return RateLimited(retry_after_seconds=retry_after(headers), response=word)
    if status >= 500 or status < 300:
        return Ambiguous(reason=f"http_{status}", response=word)
    return Permanent(reason=word or f"http_{status}", response=f"HTTP {status}: {word}")


def from_failure(error: Exception) -> SendResult:
    """The result of a request that got no answer. Only where no connection was made, nothing was said for sure."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL):
        return Temporary(reason="no_connection", response=describe(error))
    return Ambiguous(reason="no_answer", response=describe(error))


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that Slack asks to wait."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "")
    try:
        seconds = float(value)
    except ValueError:
        return DEFAULT_RETRY_AFTER_SECONDS
    return min(max(0.0, seconds), MOST_RETRY_AFTER_SECONDS) if math.isfinite(seconds) else DEFAULT_RETRY_AFTER_SECONDS


def describe(error: Exception) -> str:
    """The failure in a few words. Not its text: that of aiohttp may hold the webhook's address, which is a secret."""
    cause = error.os_error.strerror if isinstance(error, aiohttp.ClientConnectorError) else None
    return f"{type(error).__name__}: {cause}" if cause else type(error).__name__
