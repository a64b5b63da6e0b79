"""Under several editions of an agreement, too, the order, the delay and the number of arrivals change nothing."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.lead import LeadEvent
from shared.events.sla import AnySlaEvent
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.editions import Editions, OpenChoice, judge_under
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from sla_engine.domain.judgement import judge
from tests.property.sla_engine.stories import BEGIN, arrivals, stories
from tests.support.story_builder import Engine, agreement, net

WINDOW = f'from: "{BEGIN + timedelta(hours=2):%Y-%m-%d %H:%M}", to: "{BEGIN + timedelta(hours=30):%Y-%m-%d %H:%M}"'
AGREEMENTS: list[Agreement] = [
    agreement(warnings='"50%", "75%"'),
    agreement(calendar="always", touch="default: 4h", more="    on_reassignment: restart\n"),
    agreement(calendar="team", touch="Enterprise: none, default: 10m", warnings="", more="    settle: 0s\n"),
    agreement(more="    enabled: false\n"),
    agreement(more="    touch: {by: owner}\n", handoff="default: 10m"),
    agreement(calendar="always", more=f"exceptions:\n  - {{{WINDOW}, effect: excuse, why: an outage, by: Mia}}\n"),
    agreement(calendar="always", more=f"exceptions:\n  - {{{WINDOW}, effect: pause, why: a strike, by: Mia}}\n"),
]
END = BEGIN + timedelta(days=12)
NOWS = st.integers(0, 12 * 24 * 60).map(lambda minute: BEGIN + timedelta(minutes=minute))
DETERMINED = settings(derandomize=True, deadline=None, max_examples=250)
BY = st.sampled_from(AGREEMENTS)


@st.composite
def editions(draw: st.DrawFn) -> Editions:
    """Two or three, applied while the story happens or soon after."""
    made = Editions.only(draw(BY))
    instants = draw(st.sets(st.integers(1, 3 * 24 * 60), min_size=1, max_size=2))
    for minute in sorted(instants):
        applied_us = to_us(BEGIN + timedelta(minutes=minute))
        made = made.followed_by(draw(BY), applied_us=applied_us, open_=draw(st.sampled_from(OpenChoice)))
    return made


@DETERMINED
@given(events=stories(), by=editions(), now=NOWS, data=st.data())
def test_a_verdict_knows_no_order_and_no_repetition(
    events: list[LeadEvent], by: Editions, now: datetime, data: st.DataObject
) -> None:
    expected = History.of(events)
    shuffled = data.draw(st.permutations(events + events[: data.draw(st.integers(0, len(events)))]))
    assert judge_under(History.of(shuffled), by, now) == judge_under(expected, by, now)


@DETERMINED
@given(events=stories(), by=editions(), now=NOWS)
def test_a_verdict_is_sound(events: list[LeadEvent], by: Editions, now: datetime) -> None:
    verdict = judge_under(History.of(events), by, now)
    assert len({each.id for each in verdict.obligations}) == len(verdict.obligations)
    versions = {each.version for each in by.all}
    for each in verdict.obligations:
        assert each.agreement_version in versions
        assert each.started_at <= now
        assert sum(holding.business_us for holding in each.holders) == each.business_us
        assert sum(holding.wall_us for holding in each.holders) == each.wall_us
        for earlier, later in zip(each.holders, each.holders[1:], strict=False):
            assert earlier.to_us == later.since_us
        if each.breach is not None:
            assert each.breach.at_us == each.deadline_us
        if each.stopped_us is not None:
            assert each.stopped_us <= to_us(now)
            assert each.holders[-1].to_us == each.stopped_us


@DETERMINED
@given(events=stories(), by=editions())
def test_what_ended_before_an_edition_stands_as_the_editions_before_it_say(
    events: list[LeadEvent], by: Editions
) -> None:
    newest_us = by.newest.applied_us
    without = Editions(all=by.all[:-1])
    exceptions = by.newest.agreement.exceptions
    if exceptions != without.newest.agreement.exceptions:
        return  # they apply to what is over, too
    history = History.of(events)
    now = {each.id: each for each in judge_under(history, by, END).obligations}
    for each in judge_under(history, without, END).obligations:
        if each.stopped_us is not None and each.stopped_us <= newest_us and each.started_us < newest_us:
            assert now[each.id] == each


@DETERMINED
@given(events=stories(), only=BY, now=NOWS, choice=st.sampled_from([OpenChoice.KEEP, OpenChoice.RECOMPUTE]))
def test_an_edition_that_says_the_same_changes_no_verdict(
    events: list[LeadEvent], only: Agreement, now: datetime, choice: OpenChoice
) -> None:
    again = Editions.only(only).followed_by(only, applied_us=to_us(BEGIN + timedelta(hours=20)), open_=choice)
    history = History.of(events)
    twice, once = judge_under(history, again, now), judge(history, only, now)
    assert sorted(twice.obligations, key=lambda each: each.id) == sorted(once.obligations, key=lambda each: each.id)


def run(
    by: Editions, arriving: list[tuple[datetime, LeadEvent]], *, deaf: timedelta, wakes: bool, looks: list[datetime]
) -> Engine:
    """The engine over these arrivals; it hears of each edition so much later than it was applied."""
    engine = Engine(by.known_at(to_us(BEGIN - timedelta(days=1))))
    now = BEGIN
    heard = [BEGIN + timedelta(microseconds=each.applied_us - to_us(BEGIN)) + deaf for each in by.all[1:]]
    moments: list[tuple[datetime, LeadEvent | None]] = [*arriving, *((at, None) for at in (*looks, *heard))]
    for at, event in sorted(moments, key=lambda each: each[0]):
        if wakes:
            engine.sleep_until(at, now)
        now = at
        engine.by = by.known_at(to_us(at - deaf))
        engine.receive(now, *([] if event is None else [event]))
    if wakes:
        engine.sleep_until(END, now)
    engine.look(END)
    return engine


def without_warnings(said: list[AnySlaEvent]) -> list[tuple[object, ...]]:
    """What stands, warnings apart: they are given in time or not at all."""
    return [each for each in net(said) if each[0] != "obligation.at_risk"]


@DETERMINED
@given(events=stories(), by=editions(), data=st.data(), looks=st.lists(NOWS, max_size=4))
def test_what_stands_announced_is_the_same_however_late_facts_and_editions_become_known(
    events: list[LeadEvent], by: Editions, data: st.DataObject, looks: list[datetime]
) -> None:
    clean = sorted(((max(event.occurred_at, event.at), event) for event in events), key=lambda each: each[0])
    expected = run(by, clean, deaf=timedelta(0), wakes=True, looks=[])
    deaf = data.draw(st.sampled_from([timedelta(0), timedelta(seconds=2), timedelta(hours=5)]))
    actual = run(by, data.draw(arrivals(events)), deaf=deaf, wakes=data.draw(st.booleans()), looks=looks)
    assert actual.history == expected.history
    assert without_warnings(actual.said) == without_warnings(expected.said)
