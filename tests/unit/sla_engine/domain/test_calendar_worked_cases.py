"""The worked cases of business time that the domain page lists; all must hold."""

from collections.abc import Mapping

import pytest

from sla_engine.adapters.calendar_words import days, opening, weekdays
from sla_engine.domain.calendar import Calendar
from sla_engine.domain.calendar_spec import CalendarSpec
from sla_engine.domain.instants import to_us
from tests.support.story_builder import utc

HOUR = 3600


def calendar(
    week: Mapping[str, str], zone: str = "UTC", closed: tuple[str, ...] = (), country: str | None = None
) -> Calendar:
    hours = {
        day: tuple(opening(each) for each in text.split(",")) for key, text in week.items() for day in weekdays(key)
    }
    return Calendar(
        CalendarSpec(
            name="test", zone=zone, week=hours, closed_days=tuple(days(each) for each in closed), country=country
        )
    )


OFFICE = {"monday-friday": "09:00-17:00"}


@pytest.mark.parametrize(
    ("made", "start", "hours", "due"),
    [
        pytest.param(calendar(OFFICE), "2024-01-06 15:00", 1, "2024-01-08 10:00", id="a start on Saturday"),
        pytest.param(
            calendar(OFFICE, closed=("2024-01-01",)), "2024-01-01 15:00", 1, "2024-01-02 10:00", id="on a holiday"
        ),
        pytest.param(
            calendar(OFFICE, country="US"), "2024-01-01 15:00", 1, "2024-01-02 10:00", id="on a legal holiday"
        ),
        pytest.param(
            calendar({"daily": "22:00-06:00"}), "2024-01-08 23:00", 1, "2024-01-09 00:00", id="overnight shift"
        ),
        pytest.param(calendar(OFFICE), "2024-01-05 16:30", 1, "2024-01-08 09:30", id="over the weekend"),
        pytest.param(
            calendar({"monday-friday": "08:00-18:00"}), "2024-01-08 17:00", 4, "2024-01-09 11:00", id="over the night"
        ),
        pytest.param(
            calendar({"daily": "08:00-12:00,13:30-18:00"}),
            "2024-01-08 12:30",
            0.25,
            "2024-01-08 13:45",
            id="in the break",
        ),
        pytest.param(
            calendar({"tuesday": "09:00-17:00"}), "2024-01-10 12:00", 9, "2024-01-23 10:00", id="only Tuesdays open"
        ),
    ],
)
def test_a_deadline_is_counted_in_open_hours(made: Calendar, start: str, hours: float, due: str) -> None:
    assert made.add_to(utc(start), hours * HOUR) == utc(due)


def test_a_warning_one_hour_before_is_one_business_hour_before() -> None:
    made = calendar({"monday-friday": "08:00-18:00"})
    assert made.add_to(utc("2024-01-08 17:00"), 3 * HOUR) == utc("2024-01-09 10:00")
    assert made.subtract(to_us(utc("2024-01-09 11:00")), HOUR * 1_000_000) == to_us(utc("2024-01-09 10:00"))


@pytest.mark.parametrize(("paused", "due"), [(3600, "2024-01-11 18:00:00"), (3601, "2024-01-12 10:00:01")])
def test_a_deadline_at_closing_time_stays_there_and_a_second_more_is_the_next_day(paused: int, due: str) -> None:
    made = calendar({"monday-friday": "10:00-18:00"})
    assert made.add_to(utc("2024-01-11 15:00"), 2 * HOUR + paused) == utc(due)


def test_elapsed_time_over_the_end_of_summer_time_is_real_time() -> None:
    paris = calendar({"daily": "09:00-17:00"}, "Europe/Paris")
    # 2025-10-26 00:30 and 2025-10-27 12:00 by the clocks of Paris
    assert paris.elapsed_between(utc("2025-10-25 22:30"), utc("2025-10-27 11:00")) == 11 * HOUR


@pytest.mark.parametrize(
    ("day", "is_open"), [("2023-12-23", True), ("2023-12-28", False), ("2024-01-01", False), ("2024-01-03", True)]
)
def test_a_yearly_holiday_runs_over_the_turn_of_the_year(day: str, is_open: bool) -> None:
    made = calendar({"daily": "09:00-17:00"}, closed=("12-24..01-02",))
    assert made.is_open(to_us(utc(f"{day} 12:00"))) is is_open
