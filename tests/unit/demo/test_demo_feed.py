"""What the demo shows: the feed's lines, the standing of the promises, the status line."""

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.demo.feed import Feed
from deploy.demo.screen import Screen
from deploy.demo.standing import read_standing

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
EXPOSITION = """\
# HELP leadpact_open_obligations Obligations open now.
# TYPE leadpact_open_obligations gauge
leadpact_open_obligations{clock="handoff",state="on_track",team="Inbound"} 2.0
leadpact_open_obligations{clock="first_touch",state="on_track",team="Inbound"} 3.0
leadpact_open_obligations{clock="first_touch",state="breached",team="Inbound"} 1.0
leadpact_open_obligations{clock="first_touch",state="paused",team="Inbound"} 0.0
# HELP leadpact_next_deadline_timestamp_seconds The nearest deadline (Unix time); 0 if none.
# TYPE leadpact_next_deadline_timestamp_seconds gauge
leadpact_next_deadline_timestamp_seconds{clock="handoff",team="Inbound"} 0.0
leadpact_next_deadline_timestamp_seconds{clock="first_touch",team="Inbound"} %d
"""


def test_the_feed_begins_where_the_file_ended(tmp_path: Path) -> None:
    file = tmp_path / "feed.txt"
    file.write_text("of an earlier run\n")
    feed = Feed(file)
    with file.open("a") as appended:
        appended.write("first\nsec")
        appended.flush()
        assert feed.news() == ["first"]
        appended.write("ond – ünd\n")
        appended.flush()
        assert feed.news() == ["second – ünd"]
        assert feed.news() == []


def test_the_feed_waits_for_its_file(tmp_path: Path) -> None:
    feed = Feed(tmp_path / "feed.txt")
    assert feed.news() == []
    (tmp_path / "feed.txt").write_text("there\n")
    assert feed.news() == ["there"]


def test_the_standing_sums_clocks_and_teams() -> None:
    deadline = NOW + timedelta(seconds=8)
    standing = read_standing(EXPOSITION % int(deadline.timestamp()))
    assert standing.by_state == {"on_track": 5, "breached": 1, "paused": 0}
    assert standing.next_deadline == deadline
    assert standing.sentence(NOW) == "open: 5 on track, 1 breached · next deadline in 8 s"


def test_a_deadline_that_passed_is_not_told_as_the_next() -> None:
    standing = read_standing(EXPOSITION % int((NOW - timedelta(seconds=1)).timestamp()))
    assert standing.sentence(NOW) == "open: 5 on track, 1 breached"


def test_without_a_terminal_lines_are_plain() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.say("ready", style="bold red")
    screen.status("not yet: a line was printed just now")
    assert out.getvalue() == "ready\n"


def test_an_output_that_has_gone_away_is_noted_and_not_raised() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as out:
        screen = Screen(out)
        screen.say("heard")
        os.close(reader)
        screen.say("unheard")
        assert screen.gone
        screen.say("unheard as well")
