"""The calendar's arithmetic agrees with counting minutes, in zones with awkward clocks, around their changes."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_engine.domain.calendar import Calendar
from sla_engine.domain.calendar_spec import CalendarSpec, Dates, Opening
from sla_engine.domain.instants import to_us
from tests.support.minute_calendar import MinuteCalendar

MINUTE = timedelta(minutes=1)
MINUTE_US = 60_000_000

# A zone and a day near which its clocks change: by an hour, by half an hour, at midnight, or by a whole day.
CHANGES = [
    ("America/New_York", date(2025, 3, 9)),
    ("America/New_York", date(2025, 11, 2)),
    ("Europe/Paris", date(2025, 3, 30)),
    ("Europe/Paris", date(2025, 10, 26)),
    ("Australia/Lord_Howe", date(2025, 4, 6)),
    ("Australia/Lord_Howe", date(2025, 10, 5)),
    ("America/St_Johns", date(2010, 3, 14)),
    ("America/St_Johns", date(2025, 11, 2)),
    ("Africa/Cairo", date(2024, 4, 26)),
    ("Africa/Cairo", date(2024, 11, 1)),
    ("America/Havana", date(2025, 11, 2)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kathmandu", date(2025, 1, 1)),
    ("UTC", date(2024, 12, 31)),
]


@st.composite
def shifts(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """Up to two ranges of a day, in quarters of an hour; the last may run over midnight."""
    marks = sorted(draw(st.lists(st.integers(0, 95), min_size=2, max_size=4, unique=True)))
    found = [(marks[at] * 15, marks[at + 1] * 15) for at in range(0, len(marks) - 1, 2)]
    tail = draw(st.sampled_from([None, None, 1440, 1440 + 120, 1440 + 360]))
    if tail is not None:
        found[-1] = (found[-1][0], min(tail, found[-1][0] + 1440))
    return tuple(found)


WEEKS = st.dictionaries(st.integers(0, 6), shifts(), min_size=1, max_size=7).map(
    lambda week: tuple(sorted(week.items()))
)
WHOLE = tuple((day, ((0, 1440),)) for day in range(7))
Week = tuple[tuple[int, tuple[tuple[int, int], ...]], ...]


@lru_cache(maxsize=64)
def both(zone: str, change: date, week: Week, holiday: date | None) -> tuple[Calendar, MinuteCalendar, datetime]:
    begin = datetime(change.year, change.month, change.day, tzinfo=UTC) - timedelta(days=4)
    closed = () if holiday is None else (Dates(holiday, holiday),)
    hours = {day: tuple(Opening(*each) for each in ranges) for day, ranges in week}
    exact = Calendar(CalendarSpec(name="test", zone=zone, week=hours, closed_days=closed))
    slow = MinuteCalendar(
        zone=zone,
        week=dict(week),
        begin=begin,
        end=begin + timedelta(days=9),
        is_holiday=lambda day: day == holiday,
    )
    return exact, slow, begin


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    week=st.one_of(st.just(WHOLE), WEEKS),
    holiday=st.sampled_from([None, 0, 1]),
    spots=st.lists(st.tuples(st.integers(0, 9 * 1440 - 1), st.integers(0, 9 * 1440 - 1)), min_size=8, max_size=8),
    minutes=st.integers(0, 2000),
)
def test_it_agrees_with_counting_minutes(
    *, zone: str, change: date, week: Week, holiday: int | None, spots: list[tuple[int, int]], minutes: int
) -> None:
    closed = None if holiday is None else change + timedelta(days=holiday)
    exact, slow, begin = both(zone, change, week, closed)
    for one, other in spots:
        start, end = begin + min(one, other) * MINUTE, begin + max(one, other) * MINUTE
        assert exact.elapsed(to_us(start), to_us(end)) == slow.elapsed(start, end) * MINUTE_US
        assert exact.is_open(to_us(start)) == slow.is_open(start)
        due = slow.add(start, minutes)
        if due is not None:
            assert exact.add(to_us(start), minutes * MINUTE_US) == to_us(due)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(
    zone=st.sampled_from(sorted({zone for zone, _ in CHANGES})),
    week=WEEKS,
    start=st.integers(to_us(datetime(2000, 1, 1, tzinfo=UTC)), to_us(datetime(2039, 12, 31, tzinfo=UTC))),
    amount=st.integers(1, 400 * 3600 * 1_000_000),
)
def test_adding_then_measuring_gives_back_the_amount_to_the_microsecond(
    zone: str, week: Week, start: int, amount: int
) -> None:
    hours = {day: tuple(Opening(*each) for each in ranges) for day, ranges in week}
    made = Calendar(CalendarSpec(name="test", zone=zone, week=hours))
    due = made.add(start, amount)
    assert made.elapsed(start, due) == amount
    assert made.elapsed(start, due - 1) == amount - 1, "no earlier instant will do"
    assert made.elapsed(made.subtract(due, amount), due) == amount
    assert sum(closes - opens for opens, closes in made.intervals(start, due)) == amount
