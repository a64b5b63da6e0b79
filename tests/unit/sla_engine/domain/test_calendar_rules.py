"""Rules of calendars beyond the worked cases: midnight, jumps of the clock, holidays, reach, and odd instants."""

from datetime import date, datetime

import pytest

from sla_engine.domain.calendar import Calendar, NeverReached
from sla_engine.domain.calendar_spec import ALWAYS, CalendarSpec, ClosedWindow, Dates, HalfDay, Opening, YearlyDays
from sla_engine.domain.instants import DAY, HOUR, MINUTE, SECOND, to_us
from tests.support.story_builder import utc


def made(*openings: tuple[float, float], zone: str = "UTC", days: range = range(7), **more: object) -> Calendar:
    """A calendar with the same openings, in hours, on every one of these weekdays."""
    week = {day: tuple(Opening(round(opens * 60), round(closes * 60)) for opens, closes in openings) for day in days}
    return Calendar(CalendarSpec(name="test", zone=zone, week=week, **more))  # type: ignore[arg-type] # fields by name


def at(text: str) -> int:
    return to_us(utc(text))


def test_a_range_that_ends_at_midnight_joins_the_next_day_without_a_lost_minute() -> None:
    whole = made((0, 24))
    assert whole.elapsed(at("2024-01-01 00:00"), at("2025-01-01 00:00")) == 366 * DAY
    assert whole.intervals(at("2024-12-31 12:00"), at("2025-01-01 12:00")) == (
        (at("2024-12-31 12:00"), at("2025-01-01 12:00")),
    )
    assert Calendar(ALWAYS).add(at("2024-02-28 23:00"), 2 * DAY) == at("2024-03-01 23:00")


def test_the_closing_instant_is_closed_and_the_opening_one_open() -> None:
    office = made((9, 17))
    assert [office.is_open(at(f"2024-01-08 {each}")) for each in ("08:59", "09:00", "16:59", "17:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_an_overnight_shift_belongs_to_the_day_it_starts_on() -> None:
    night = made((22, 30), days=range(1))  # Monday night
    assert night.is_open(at("2024-01-09 05:59"))
    assert not night.is_open(at("2024-01-08 05:00"))
    assert night.elapsed(at("2024-01-08 00:00"), at("2024-01-15 00:00")) == 8 * HOUR


def test_a_holiday_takes_its_part_of_an_overnight_shift() -> None:
    night = made((22, 30), closed_days=(Dates(date(2024, 1, 9), date(2024, 1, 9)),))
    assert night.intervals(at("2024-01-08 12:00"), at("2024-01-10 12:00")) == (
        (at("2024-01-08 22:00"), at("2024-01-09 00:00")),
        (at("2024-01-10 00:00"), at("2024-01-10 06:00")),
    )


def test_a_day_that_a_zone_skipped_had_no_shift() -> None:
    # Samoa went from Thursday, 29 December 2011, to Saturday the 31st, at what was 10:00 UTC.
    nights = made((22, 30), zone="Pacific/Apia", days=range(4, 5))
    assert nights.elapsed(at("2011-12-28 00:00"), at("2012-01-03 00:00")) == 0
    assert nights.elapsed(at("2012-01-03 00:00"), at("2012-01-10 00:00")) == 8 * HOUR


def test_a_shift_that_starts_in_a_skipped_hour_starts_at_the_jump() -> None:
    # Paris, 2025-03-30: 02:00 becomes 03:00, which is 01:00 in UTC.
    paris = made((2.5, 6), zone="Europe/Paris")
    assert paris.intervals(at("2025-03-30 00:00"), at("2025-03-30 12:00")) == (
        (at("2025-03-30 01:00"), at("2025-03-30 04:00")),
    )


def test_a_shift_in_a_repeated_hour_starts_at_the_first_and_ends_at_the_last() -> None:
    # Paris, 2025-10-26: 02:00 to 03:00 comes twice, from 00:00 and from 01:00 in UTC.
    paris = made((2.25, 2.75), zone="Europe/Paris")
    assert paris.intervals(at("2025-10-25 20:00"), at("2025-10-26 12:00")) == (
        (at("2025-10-26 00:15"), at("2025-10-26 01:45")),
    )


def test_half_days_windows_and_yearly_days_close() -> None:
    office = made(
        (9, 17),
        half_days=(HalfDay(Dates(date(2024, 1, 9), date(2024, 1, 9)), 13 * 60, 16 * 60),),
        closed_windows=(ClosedWindow(datetime(2024, 1, 10, 10), datetime(2024, 1, 10, 11, 30)),),  # noqa: DTZ001 - wall clock
        closed_days=(YearlyDays((1, 11), (1, 11)),),
    )
    assert office.elapsed(at("2024-01-09 00:00"), at("2024-01-10 00:00")) == 3 * HOUR
    assert office.elapsed(at("2024-01-10 00:00"), at("2024-01-11 00:00")) == 8 * HOUR - 90 * MINUTE
    for year in (2024, 2031):
        assert office.elapsed(at(f"{year}-01-11 00:00"), at(f"{year}-01-12 00:00")) == 0


def test_a_company_adds_and_removes_holidays() -> None:
    law = made((9, 17), country="US")
    own = made(
        (9, 17),
        country="US",
        removed=(YearlyDays((7, 4), (7, 4)),),
        removed_names=("new year's day",),
        closed_days=(YearlyDays((7, 5), (7, 5)),),
    )
    for day, by_law, by_company in (("01-01", False, True), ("07-04", False, True), ("07-05", True, False)):
        assert law.is_open(at(f"2024-{day} 12:00")) is by_law, day
        assert own.is_open(at(f"2024-{day} 12:00")) is by_company, day


def test_nothing_to_pass_is_the_start_itself_even_when_closed() -> None:
    assert made((9, 17)).add(at("2024-01-08 03:00"), 0) == at("2024-01-08 03:00")
    assert made((9, 17)).subtract(at("2024-01-08 03:00"), 0) == at("2024-01-08 03:00")


def test_time_does_not_run_backwards() -> None:
    assert made((9, 17)).elapsed(at("2024-01-09 12:00"), at("2024-01-08 12:00")) == 0
    assert made((9, 17)).intervals(at("2024-01-09 12:00"), at("2024-01-08 12:00")) == ()


def test_what_does_not_come_within_reach_is_never_reached() -> None:
    leap = made((9, 17), closed_days=(YearlyDays((3, 1), (2, 28)),))  # open on 29 February alone
    assert leap.add(at("2024-03-01 00:00"), SECOND) == at("2028-02-29 09:00:01")
    with pytest.raises(NeverReached, match="'test' is not open long enough"):
        leap.add(at("2024-03-01 00:00"), 16 * HOUR)
    with pytest.raises(NeverReached, match="was not open"):
        leap.subtract(at("2024-02-29 09:00"), 9 * HOUR)


@pytest.mark.parametrize("text", ["0001-01-01 00:00", "1900-06-01 12:00", "9999-12-31 23:00"])
def test_outside_the_known_years_nothing_is_open(text: str) -> None:
    office = made((9, 17))
    assert not office.is_open(at(text))
    assert office.elapsed(at(text), at(text) + HOUR) == 0


def test_before_the_known_years_time_begins_to_count_with_them() -> None:
    assert made((9, 17)).add(at("1900-01-01 00:00"), HOUR) == at("1970-01-01 10:00")


def test_asking_back_and_forth_keeps_what_is_known() -> None:
    office = made((9, 17), days=range(5))
    first = office.elapsed(at("2024-01-08 00:00"), at("2024-01-13 00:00"))
    assert office.elapsed(at("2019-01-07 00:00"), at("2019-01-12 00:00")) == first == 40 * HOUR
    assert office.add(at("2030-01-07 09:00"), 40 * HOUR) == at("2030-01-11 17:00")
    assert office.elapsed(at("2024-01-08 00:00"), at("2024-01-13 00:00")) == first


def test_a_business_day_is_the_day_most_weekdays_have() -> None:
    assert made((9, 12), (13, 18)).business_day_us == 8 * HOUR
    week = {day: (Opening(9 * 60, 17 * 60),) for day in range(4)} | {4: (Opening(9 * 60, 12 * 60),)}
    assert Calendar(CalendarSpec(name="test", zone="UTC", week=week)).business_day_us == 8 * HOUR


def test_a_naive_datetime_names_no_instant() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        made((9, 17)).add_to(datetime(2024, 1, 8, 10), 60)  # noqa: DTZ001 - the fault that is tested
