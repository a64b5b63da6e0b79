"""Whatever happened to a lead, the arithmetic of its explanation adds up, line by line, and in every rendering."""

import re
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.lead import LeadEvent
from sla_engine.application.explained import Explanation, ObligationExplained, Turn
from sla_engine.application.explanation import exactly, explain
from sla_engine.application.reading import LeadRecord
from sla_engine.application.working import CLOSED, EXCEPTION, OPEN, PAUSED
from sla_engine.domain.editions import Editions
from sla_engine.entrypoints.explanation_text import WIDTH, explanation_text
from tests.property.sla_engine.declared_clocks import editions
from tests.property.sla_engine.stories import BEGIN, stories
from tests.support.story_builder import LEAD, Engine

DETERMINED = settings(derandomize=True, deadline=None, max_examples=120)
BY = editions()
NOWS = st.integers(0, 4 * 24 * 60).map(lambda minute: BEGIN + timedelta(minutes=minute))
_AMOUNT = re.compile(r"(?:(\d+) h ?)?(?:(\d+) min ?)?(?:([\d.]+) s)?")


def explained(events: list[LeadEvent], by: Editions, now: datetime) -> Explanation:
    engine = Engine(by)
    engine.receive(now, *events)
    record = LeadRecord(
        key=LEAD, name="Lead", crm_url=None, history=engine.history, announced=engine.announced, provenance={}
    )
    return explain(record, by, now)


def us(seconds: float) -> int:
    return round(seconds * 1e6)


def read(words: str) -> int:
    """The microseconds of "1 h 2 min 3.5 s"."""
    found = _AMOUNT.fullmatch(words.strip())
    assert found is not None, words
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3_600_000_000 + int(minutes or 0) * 60_000_000 + us(float(seconds or 0))


@DETERMINED
@given(amount=st.integers(0, 10**13))
def test_a_duration_in_words_loses_nothing(amount: int) -> None:
    assert read(exactly(amount / 1e6)) == amount


@DETERMINED
@given(events=stories(), by=BY, now=NOWS)
def test_the_arithmetic_adds_up(events: list[LeadEvent], by: Editions, now: datetime) -> None:
    for each in explained(events, by, now).obligations:
        added = each.sum
        assert sum(us(term.seconds) for term in added.terms) == us(added.used_seconds) == us(each.business_seconds)
        before = sum(us(term.seconds) for term in added.terms if not term.counted)
        assert before == us(added.before_restart_seconds)
        assert us(added.wall_seconds) == us(each.wall_seconds)
        if added.over_seconds is not None:
            over = us(added.used_seconds) - before - us(added.target_seconds)
            assert over == us(added.over_seconds)
            assert not (over > 0 and not each.breached), "more than promised was used, and yet nothing was broken"
        assert added.paused_seconds is not None
        assert added.closed_seconds is not None
        parts = us(added.used_seconds) + us(added.paused_seconds) + us(added.closed_seconds)
        assert parts == us(added.wall_seconds)
        for turn in each.turns:
            check_turn(turn, now)


def check_turn(turn: Turn, now: datetime) -> None:
    """Its stretches follow each other from its beginning to its end, and make up its time, kind by kind."""
    assert not turn.more_stretches, "these stories are short"
    ends = {turn.since} if not turn.stretches else {turn.stretches[-1].end}
    assert ends == {turn.to or now}
    for earlier, later in zip(turn.stretches, turn.stretches[1:], strict=False):
        assert earlier.end == later.start
    if turn.stretches:
        assert turn.stretches[0].start == turn.since
    spent = {kind: timedelta() for kind in (OPEN, CLOSED, PAUSED, EXCEPTION)}
    for stretch in turn.stretches:
        spent[stretch.kind] += stretch.end - stretch.start
    assert spent[OPEN] == timedelta(microseconds=us(turn.business_seconds))
    assert spent[PAUSED] + spent[EXCEPTION] == timedelta(microseconds=us(turn.paused_seconds or 0))
    assert spent[CLOSED] == timedelta(microseconds=us(turn.closed_seconds or 0))
    assert sum((each.end - each.start for each in turn.intervals), timedelta()) == spent[OPEN]


@DETERMINED
@given(events=stories(), by=BY, now=NOWS)
def test_the_way_to_the_deadline_is_the_target(events: list[LeadEvent], by: Editions, now: datetime) -> None:
    for each in explained(events, by, now).obligations:
        if not each.deadline_steps:
            assert ":" in each.target_text, "only an appointment is due at a time of day"
            continue
        assert sum(us(step.seconds) for step in each.deadline_steps) == us(each.target_seconds)
        assert each.deadline_steps[-1].end == each.deadline
        assert all(us(step.seconds) >= 0 for step in each.deadline_steps)


@DETERMINED
@given(events=stories(), by=BY, now=NOWS)
def test_the_sum_that_people_read_adds_up_and_every_line_fits(
    events: list[LeadEvent], by: Editions, now: datetime
) -> None:
    lead = explained(events, by, now)
    for each in lead.obligations:
        check_words(each)
    for line in explanation_text(lead).splitlines():
        assert len(line) <= WIDTH, line


def check_words(each: ObligationExplained) -> None:
    """The line itself: names taken away, its terms make its total."""
    words = each.arithmetic.split(" of ", 1)[0].split(", less", 1)[0]
    terms, equals, total = words.partition(" = ")
    if not equals:
        return
    amounts = [term[len(turn.holder) :] for term, turn in zip(terms.split(" + "), each.turns, strict=True)]
    assert sum(map(read, amounts)) == read(total)
