"""Nothing is said before what is in the log was read; but nothing waits for a log for ever."""

from datetime import datetime, timedelta

from notifier.application.reading import FRESH, LONGEST_HOLD, Reading
from shared.streams.port import Fetch
from tests.support.sla_events import DEADLINE

NOW = DEADLINE


def fetch(partition: int, *, read_through: datetime | None) -> Fetch:
    return Fetch(partition=partition, records=(), position=7, read_through=read_through)


def test_before_any_partition_was_owned_nothing_is_known() -> None:
    reading = Reading()
    assert not reading.may_speak(NOW)
    assert reading.may_speak(NOW + LONGEST_HOLD), "there may be none for this process"


def test_all_owned_partitions_must_have_been_read_to_their_end() -> None:
    reading = Reading()
    reading.owns([0, 1])
    assert not reading.may_speak(NOW)
    reading.took(fetch(0, read_through=NOW))
    assert not reading.may_speak(NOW)
    reading.took(fetch(1, read_through=None))
    assert not reading.may_speak(NOW)
    reading.took(fetch(1, read_through=NOW))
    assert reading.may_speak(NOW)


def test_a_partition_that_falls_behind_closes_it_again() -> None:
    reading = Reading()
    reading.owns([0])
    reading.took(fetch(0, read_through=NOW))
    assert reading.may_speak(NOW + FRESH)
    assert not reading.may_speak(NOW + FRESH + timedelta(microseconds=1))


def test_a_partition_that_went_away_is_not_waited_for() -> None:
    reading = Reading()
    reading.owns([0, 1])
    reading.took(fetch(0, read_through=NOW))
    reading.owns_no_more([1])
    reading.took(fetch(1, read_through=None))
    assert reading.may_speak(NOW)
    reading.owns_no_more([0])
    assert reading.may_speak(NOW + LONGEST_HOLD)


def test_a_log_that_can_not_be_read_holds_messages_up_for_a_while_only() -> None:
    reading = Reading()
    reading.owns([0])
    assert not reading.may_speak(NOW)
    assert not reading.may_speak(NOW + LONGEST_HOLD - timedelta(microseconds=1))
    assert reading.may_speak(NOW + LONGEST_HOLD)


def test_each_time_it_falls_behind_the_wait_begins_anew() -> None:
    reading = Reading()
    reading.owns([0])
    assert not reading.may_speak(NOW)
    reading.took(fetch(0, read_through=NOW))
    assert reading.may_speak(NOW)
    assert not reading.may_speak(NOW + LONGEST_HOLD)
    assert reading.may_speak(NOW + 2 * LONGEST_HOLD)
