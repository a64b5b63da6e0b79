"""A wake-up is neither too late nor for nothing: before it there is nothing to say, at it there is.

Clocks of every kind, pauses, exceptions, the end of a term, facts that lie ahead, later editions.
"""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.lead import LeadEvent
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.announcement import announce
from sla_engine.domain.editions import Editions
from sla_engine.domain.instants import to_us
from tests.property.sla_engine.declared_clocks import DECLARED, editions
from tests.property.sla_engine.stories import BEGIN, SPAN_MINUTES, stories
from tests.support.story_builder import Engine

DETERMINED = settings(derandomize=True, deadline=None, max_examples=120)
MINUTES = st.integers(0, SPAN_MINUTES + 600)
MOST_HOPS = 12


@DETERMINED
@given(events=stories(), by=editions(), start=MINUTES, shares=st.lists(st.floats(0, 1, exclude_max=True), min_size=3))
def test_nothing_is_to_be_said_between_two_wake_ups_and_something_at_each(
    events: list[LeadEvent], by: Editions, start: int, shares: list[float]
) -> None:
    engine = Engine(by)
    now = BEGIN + timedelta(minutes=start)
    engine.receive(now, *events)
    for _ in range(MOST_HOPS):
        wake = engine.wake(now)
        far = wake or now + timedelta(days=30)
        assert far > now
        for share in shares:
            between = now + (far - now) * share
            if now < between < far:
                check_silence(engine, between)
        check_silence(engine, far - timedelta(microseconds=1) if far - now > timedelta(microseconds=1) else now)
        if wake is None:
            return
        before = engine.announced
        said = engine.look(wake)
        assert said or before != engine.announced or is_known_change(engine, wake), "it woke for nothing"
        now = wake


def check_silence(engine: Engine, at: datetime) -> None:
    said, after = announce(engine.announced, engine.verdict(at), at)
    assert said == ()
    assert [told.sayings for told in after.told] == [told.sayings for told in engine.announced.told]


def is_known_change(engine: Engine, at: datetime) -> bool:
    """Whether a fact that lay ahead, the end of the term, or an edition comes at this instant."""
    at_us = to_us(at)
    ends = {edition.agreement.ends_us for edition in engine.editions.all}
    applied = {edition.applied_us for edition in engine.editions.all}
    return at_us in ends | applied | {fact.at_us for fact in engine.history.facts}


@DETERMINED
@given(events=stories(), by=st.sampled_from(DECLARED), start=MINUTES)
def test_the_same_words_have_the_same_ids(events: list[LeadEvent], by: Agreement, start: int) -> None:
    """However the facts came together: one by one in their order, or at once in the reverse."""
    now = BEGIN + timedelta(minutes=start)
    one, other = Engine(by), Engine(by)
    one.receive(now, *events)
    other.history = one.history.with_events(reversed(events))[0]
    other.look(now)
    assert one.said == other.said
