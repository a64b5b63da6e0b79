"""Durations, the retry schedule, and what Slack's answers mean."""

from datetime import timedelta

import aiohttp
import pytest

from notifier.adapters.slack_errors import describe, from_answer, from_failure, from_webhook_answer
from notifier.domain.durations import spoken
from notifier.domain.outcomes import Ambiguous, Held, Permanent, RateLimited, Temporary
from notifier.domain.retries import DELAYS, retry_delay


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (95, "1 min 35 s"),
        (720, "12 min"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
        (93_600, "26 h"),
        (36_000_000, "10,000 h"),
    ],
)
def test_spans_of_time_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert spoken(seconds) == text


def test_retries_spread_by_a_fifth_and_are_the_same_for_the_same_delivery() -> None:
    for attempt, nominal in enumerate(DELAYS, start=1):
        waits = {retry_delay(f"delivery-{number}", attempt=attempt) for number in range(50)}
        assert len(waits) > 40
        assert all(0.8 * nominal <= wait <= 1.2 * nominal for wait in waits)
        assert retry_delay("delivery-7", attempt=attempt) == retry_delay("delivery-7", attempt=attempt)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, "ratelimited", RateLimited),
        (200, "message_limit_exceeded", RateLimited),
        (200, "invalid_auth", Held),
        (200, "account_inactive", Held),
        (200, "channel_not_found", Permanent),
        (200, "no_permission", Permanent),
        (200, "access_denied", Permanent),
        (200, "invalid_blocks", Permanent),
        (200, "a_word_slack_invents_tomorrow", Permanent),
        (200, "internal_error", Ambiguous),
        (200, "", Ambiguous),
        (500, "", Ambiguous),
        (503, "service_unavailable", Ambiguous),
    ],
)
def test_slacks_errors_are_sorted_by_what_can_be_done(status: int, error: str, kind: type) -> None:
    assert type(from_answer(status, {}, {"ok": False, "error": error})) is kind


def test_only_some_refusals_of_an_edit_leave_room_for_another_message() -> None:
    gone = from_answer(200, {}, {"ok": False, "error": "message_not_found"})
    wrong = from_answer(200, {}, {"ok": False, "error": "invalid_blocks"})
    assert isinstance(gone, Permanent)
    assert isinstance(wrong, Permanent)
    assert (gone.uneditable, wrong.uneditable) == (True, False)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0.5", 0.5), ("soon", 30.0), ("-1", 0.0), ("inf", 30.0), ("1e300", 86_400.0)]
)
def test_retry_after_is_read_whatever_its_case(header: str, seconds: float) -> None:
    result = from_answer(429, {"retry-after": header}, {})
    assert isinstance(result, RateLimited)
    assert result.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "invalid_payload", Permanent),
        (404, "no_service", Permanent),
        (410, "channel_is_archived", Permanent),
        (429, "", RateLimited),
        (500, "rollup_error", Ambiguous),
        (200, "<html>", Ambiguous),
    ],
)
def test_a_webhooks_answers_are_sorted_too(status: int, word: str, kind: type) -> None:
    assert type(from_webhook_answer(status, {}, word)) is kind


def test_only_a_connection_that_was_never_made_proves_that_nothing_was_said() -> None:
    assert isinstance(from_failure(aiohttp.InvalidURL("x")), Temporary)
    assert isinstance(from_failure(aiohttp.ConnectionTimeoutError()), Temporary)
    assert isinstance(from_failure(aiohttp.ServerDisconnectedError()), Ambiguous)
    assert isinstance(from_failure(TimeoutError()), Ambiguous)


def test_a_failure_is_described_without_the_address() -> None:
    assert "secret" not in describe(aiohttp.InvalidURL("https://hooks.example.com/secret"))


def test_delays_are_those_of_the_documents() -> None:
    assert tuple(map(lambda s: timedelta(seconds=s), (5, 30, 120, 600, 1800, 7200, 21600))) == DELAYS  # noqa: C417 - a row of seconds reads best
