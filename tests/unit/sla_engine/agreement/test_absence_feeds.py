"""Absences from a calendar feed: which events count, by whose clock, and what becomes of a feed that can't be read."""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.process import StartError
from sla_engine.adapters.absence_feeds import MOST_BYTES, fetched
from sla_engine.adapters.agreement_file import parse_agreement, read_agreement, read_content
from sla_engine.adapters.away_events import Counts, FeedError, Window, away
from sla_engine.application.in_force import Applied, Draft
from sla_engine.config import EngineSettings
from sla_engine.domain.agreement_faults import AgreementError
from sla_engine.domain.editions import Editions, OpenChoice
from sla_engine.domain.instants import to_us
from sla_engine.main.standing import draft_at_start, editions_at_start
from tests.support.story_builder import utc

TODAY = dt.date(2026, 3, 2)
AGREEMENT = """\
agreement: {name: Test, timezone: Europe/Berlin}
people:
  - {name: Ana, crm: ["crm:1"], zone: Europe/Madrid, absences_ics: ana.ics}
calendars:
  office: {week: {daily: "00:00-24:00"}}
clocks:
  handoff: {targets: {default: 1h}}
"""


def feed(*events: str) -> bytes:
    """A calendar of events, each given by its lines."""
    told = "\n".join(
        f"BEGIN:VEVENT\nUID:{number}\nDTSTAMP:20260101T000000Z\n{event}\nEND:VEVENT"
        for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{told}\nEND:VCALENDAR\n".replace("\n", "\r\n").encode()


def windows(*events: str, counts: Counts = Counts.OUT_OF_OFFICE) -> list[Window]:
    return away(feed(*events), counts=counts, years=(2025, 2028))


DAY = "DTSTART;VALUE=DATE:20260316\nDTEND;VALUE=DATE:20260318"
HOUR = "DTSTART;TZID=Europe/Madrid:20260310T140000\nDTEND;TZID=Europe/Madrid:20260310T150000"
AWAY = "DTSTART:20260310T140000Z\nSUMMARY:Away"
AN_HOUR = [("2026-03-10T13:00Z", "2026-03-10T14:00Z")]


def test_whole_days_are_days_of_the_persons_own_clock_the_last_one_included() -> None:
    assert windows(DAY) == [("2026-03-16", "2026-03-17")]
    assert windows("DTSTART;VALUE=DATE:20260316") == [("2026-03-16", "2026-03-16")]


@pytest.mark.parametrize(
    ("said", "out_of_office", "busy"),
    [
        pytest.param("X-MICROSOFT-CDO-BUSYSTATUS:OOF", True, True, id="marked as out of office"),
        pytest.param("X-MICROSOFT-CDO-BUSYSTATUS:BUSY", False, True, id="a meeting"),
        pytest.param("SUMMARY:Weekly", False, True, id="a meeting, not marked"),
        pytest.param("SUMMARY:Out of office", True, True, id="a telling title"),
        pytest.param("SUMMARY:OOO - dentist", True, True, id="a short title"),
        pytest.param("TRANSP:TRANSPARENT\nSUMMARY:Out of office", False, False, id="free"),
        pytest.param("X-MICROSOFT-CDO-BUSYSTATUS:FREE", False, False, id="marked as free"),
        pytest.param("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", False, False, id="working elsewhere"),
        pytest.param("X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE", False, False, id="marked as tentative"),
        pytest.param("STATUS:TENTATIVE\nSUMMARY:Vacation", False, False, id="not decided"),
        pytest.param("STATUS:CANCELLED\nSUMMARY:Vacation", False, False, id="cancelled"),
    ],
)
def test_only_absences_count_or_all_that_is_busy_where_the_agreement_says_so(
    said: str, out_of_office: bool, busy: bool
) -> None:
    event = f"{HOUR}\n{said}"
    assert windows(event) == (AN_HOUR if out_of_office else [])
    assert windows(event, counts=Counts.BUSY) == (AN_HOUR if busy else [])


def test_a_recurring_absence_keeps_its_hour_when_the_clocks_change() -> None:
    weekly = (
        "DTSTART;TZID=Europe/Madrid:20260320T150000\nDTEND;TZID=Europe/Madrid:20260320T170000\n"
        "RRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;TZID=Europe/Madrid:20260403T150000\nSUMMARY:Out of office"
    )
    assert windows(weekly) == [("2026-03-20T14:00Z", "2026-03-20T16:00Z"), ("2026-03-27T14:00Z", "2026-03-27T16:00Z")]
    later = weekly.replace("COUNT=3", "COUNT=2").replace("20260320", "20260327").replace("20260403", "20260410")
    assert windows(later) == [("2026-03-27T14:00Z", "2026-03-27T16:00Z"), ("2026-04-03T13:00Z", "2026-04-03T15:00Z")]


def test_one_day_of_a_series_that_was_moved_counts_where_it_was_moved_to() -> None:
    series = "DTSTART;VALUE=DATE:20260302\nRRULE:FREQ=WEEKLY;COUNT=2\nUID:s"
    moved = "DTSTART;VALUE=DATE:20260311\nRECURRENCE-ID;VALUE=DATE:20260309\nUID:s"
    data = feed(series, moved).replace(b"UID:0\r\n", b"").replace(b"UID:1\r\n", b"")
    found = away(data, counts=Counts.OUT_OF_OFFICE, years=(2025, 2028))
    assert found == [("2026-03-02", "2026-03-02"), ("2026-03-11", "2026-03-11")]


def test_a_series_without_end_is_read_for_the_years_asked_for() -> None:
    yearly = windows("DTSTART;VALUE=DATE:20200724\nRRULE:FREQ=YEARLY")
    assert [window[0] for window in yearly] == ["2025-07-24", "2026-07-24", "2027-07-24", "2028-07-24"]


@pytest.mark.parametrize(
    ("zone", "begins"),
    [("W. Europe Standard Time", "2026-07-10T12:00Z"), ("America/New_York", "2026-07-10T18:00Z")],
    ids=["as Windows names it", "as everybody does"],
)
def test_zones_are_understood(zone: str, begins: str) -> None:
    ((from_, _),) = windows(f"DTSTART;TZID={zone}:20260710T140000\nDURATION:PT1H\nSUMMARY:Away")
    assert from_ == begins


def test_ordinary_meetings_cost_nothing_however_many_they_are() -> None:
    meetings = ["DTSTART:20200310T140000Z\nDURATION:PT1H\nSUMMARY:Daily\nRRULE:FREQ=DAILY"] * 1000
    assert windows(*meetings, DAY) == [("2026-03-16", "2026-03-17")]


def test_a_time_without_a_zone_is_the_persons_own() -> None:
    floating = "DTSTART:20260310T140000\nDTEND:20260310T150000\nSUMMARY:Away"
    assert windows(floating) == [("2026-03-10 14:00", "2026-03-10 15:00")]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"<html>Please sign in</html>", "it is no calendar|it holds no calendar", id="a page"),
        pytest.param(b"", "it is no calendar|it holds no calendar", id="nothing"),
        pytest.param(feed(f"{AWAY}\nRRULE:FREQ=SECONDLY"), "by the hour or more often", id="a bomb"),
        pytest.param(feed(f"{AWAY}\nRRULE:FREQ=DAILY;BYHOUR=1,2;BYMINUTE=1,2,3"), "or more often", id="a hidden bomb"),
        pytest.param(feed(*[f"{AWAY}\nRRULE:FREQ=DAILY"] * 201), "201 of them recurring", id="too many"),
        pytest.param(feed("DTSTART:2026-03-10"), "can't be read|no calendar", id="an odd date"),
        pytest.param(feed("SUMMARY:Away"), "can't be read", id="no date"),
    ],
)
def test_what_is_no_fit_calendar_is_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(FeedError, match=said):
        away(data, counts=Counts.OUT_OF_OFFICE, years=(2025, 2028))


# -- in the agreement ----------------------------------------


@pytest.fixture
def agreement(tmp_path: Path) -> Path:
    file = tmp_path / "agreement.yaml"
    file.write_text(AGREEMENT, encoding="utf-8")
    (tmp_path / "ana.ics").write_bytes(
        feed(DAY, f"{HOUR}\nSUMMARY:Out of office for a reason that is nobody's business")
    )
    return file


def test_it_closes_the_persons_own_calendar_by_their_own_clock(agreement: Path) -> None:
    ana = read_agreement(agreement, today=TODAY).person("crm", "1")
    assert ana is not None
    is_open = ana.calendar.is_open
    assert not is_open(to_us(utc("2026-03-10 13:59:59")))
    assert is_open(to_us(utc("2026-03-10 14:00")))
    assert is_open(to_us(utc("2026-03-15 22:59:59")))
    assert not is_open(to_us(utc("2026-03-15 23:00"))), "midnight in Madrid"
    assert is_open(to_us(utc("2026-03-17 23:00")))


def test_what_it_said_is_part_of_the_content_and_no_titles_are(agreement: Path) -> None:
    content, stale = read_content(agreement, today=TODAY)
    assert stale == ()
    assert content.startswith(AGREEMENT)
    assert "nobody's business" not in content
    (agreement.parent / "ana.ics").unlink()
    stored = parse_agreement(content, today=TODAY)
    ana = stored.person("crm", "1")
    assert ana is not None
    assert not ana.calendar.is_open(to_us(utc("2026-03-10 13:30"))), "the stored content judges without the feed"


def test_another_absence_is_another_version_and_another_title_is_not(agreement: Path) -> None:
    before = read_agreement(agreement, today=TODAY).version
    (agreement.parent / "ana.ics").write_bytes(feed(DAY, f"{HOUR}\nSUMMARY:Away"))
    assert read_agreement(agreement, today=TODAY).version == before
    assert read_agreement(agreement, today=dt.date(2026, 12, 31)).version == before, "the same all year"
    (agreement.parent / "ana.ics").write_bytes(feed(DAY))
    assert read_agreement(agreement, today=TODAY).version != before


def test_a_feed_that_is_not_there_is_a_fault_with_its_line_and_cure(agreement: Path) -> None:
    (agreement.parent / "ana.ics").unlink()
    with pytest.raises(AgreementError) as raised:
        read_agreement(agreement, today=TODAY)
    (fault,) = raised.value.faults
    assert (fault.line, fault.place) == (3, "people[1].absences_ics")
    assert fault.problem.startswith("the calendar of Ana can't be read: No such file or directory: ")
    assert fault.cure.startswith("Give the path of an .ics file or an https address")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("{env: NO_SUCH_VARIABLE}", "the environment variable NO_SUCH_VARIABLE is not set or empty"),
        ("http://calendar.example/secret.ics", "its address does not begin with https://"),
        ("{feed: ana.ics, events: bussy}", 'Did you mean "busy"'),
        ("{feed: ana.ics, env: X}", "Say feed, a path or address, or env"),
    ],
)
def test_a_feed_that_is_named_wrongly_is_a_fault(agreement: Path, said: str, problem: str) -> None:
    agreement.write_text(AGREEMENT.replace("absences_ics: ana.ics", f"absences_ics: {said}"), encoding="utf-8")
    with pytest.raises(AgreementError) as raised:
        read_agreement(agreement, today=TODAY)
    assert problem in str(raised.value)
    assert "secret" not in str(raised.value)


def test_the_address_may_stand_in_the_environment(agreement: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANA_CALENDAR", str(agreement.parent / "ana.ics"))
    by_env = AGREEMENT.replace("ana.ics", "{env: ANA_CALENDAR, events: busy}")
    agreement.write_text(by_env, encoding="utf-8")
    assert "2026-03-16" in read_content(agreement, today=TODAY)[0]


# -- over https ----------------------------------------


def _client(answer: Callable[[httpx.Request], httpx.Response]) -> Callable[[], httpx.Client]:
    return lambda: httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True)


def test_a_feed_is_fetched_over_https() -> None:
    assert fetched("https://a.example/x", opened=_client(lambda _: httpx.Response(200, content=feed(DAY)))) == feed(DAY)


def _down(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no")


def _elsewhere(request: httpx.Request) -> httpx.Response:
    moved = {"location": "http://b.example/key"}
    return httpx.Response(302, headers=moved) if request.url.scheme == "https" else httpx.Response(200)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(lambda _: httpx.Response(404), "a.example answers 404", id="gone"),
        pytest.param(_down, r"a.example can't be reached \(ConnectError\)", id="away"),
        pytest.param(_elsewhere, "a.example leads to an address that is not https", id="led elsewhere"),
        pytest.param(
            lambda _: httpx.Response(200, content=b"x" * (MOST_BYTES + 1)), "larger than 5 MB", id="too large"
        ),
    ],
)
def test_what_can_not_be_fetched_is_told_without_its_secret_address(
    answer: Callable[[httpx.Request], httpx.Response], said: str
) -> None:
    with pytest.raises(FeedError, match=said) as raised:
        fetched("https://a.example/key-1234", opened=_client(answer))
    assert "key" not in str(raised.value)


# -- at the start of a service ----------------------------------------


class _Stored:
    """An archive in memory."""

    def __init__(self) -> None:
        self.known: Editions | None = None

    async def editions(self) -> Editions | None:
        return self.known

    async def apply(self, draft: Draft, *, open_: OpenChoice, by: str, after: int) -> Applied:
        agreement = parse_agreement(draft.content, today=TODAY)
        at_us = to_us(utc("2026-03-02 09:00")) + after
        self.known = (
            Editions.only(agreement)
            if self.known is None
            else self.known.followed_by(agreement, applied_us=at_us, open_=open_)
        )
        return Applied(
            number=after + 1, version=agreement.version, open=open_, applied_at=utc("2026-03-02 09:00"), applied_by=by
        )

    async def listed(self) -> Sequence[Applied]:
        return ()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what a start does not ask
        raise AssertionError(name)


def _start(file: Path, archive: _Stored) -> Editions:
    settings = EngineSettings(engine_agreement=file)
    return asyncio.run(editions_at_start(settings, draft_at_start(settings), archive))


def test_at_a_start_a_feed_that_can_not_be_read_leaves_what_it_said_before(agreement: Path) -> None:
    archive = _Stored()
    first = _start(agreement, archive)
    (agreement.parent / "ana.ics").unlink()
    again = _start(agreement, archive)
    assert again.newest.version == first.newest.version
    agreement.write_text(AGREEMENT.replace("1h", "2h"), encoding="utf-8")
    changed = _start(agreement, archive)
    assert changed.newest.version != first.newest.version, "the rest of the file counts all the same"
    ana = changed.newest.agreement.person("crm", "1")
    assert ana is not None
    assert not ana.calendar.is_open(to_us(utc("2026-03-16 10:00")))


def test_at_the_first_start_it_stops_the_start(agreement: Path) -> None:
    (agreement.parent / "ana.ics").unlink()
    with pytest.raises(StartError, match="the calendar of Ana can't be read"):
        _start(agreement, _Stored())


def test_another_fault_stops_the_start_at_once(agreement: Path) -> None:
    agreement.write_text(AGREEMENT.replace("1h", "1 day"), encoding="utf-8")
    with pytest.raises(StartError, match="may mean"):
        draft_at_start(EngineSettings(engine_agreement=agreement))
