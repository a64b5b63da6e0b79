"""Whatever the order, the delay and the number of arrivals, the verdict and what stands announced come out the same."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.lead import LeadEvent
from shared.events.sla import AnySlaEvent, ObligationAtRisk, ObligationBreached
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.history import History
from sla_engine.domain.judgement import judge
from sla_engine.domain.obligation import State
from tests.property.sla_engine.declared_clocks import DECLARED
from tests.property.sla_engine.stories import BEGIN, arrivals, stories
from tests.support.story_builder import Engine, agreement, net

AGREEMENTS: list[Agreement] = [
    agreement(warnings='"50%", "75%"'),
    agreement(calendar="always", warnings='"10m left"', more="    on_reassignment: restart\n"),
    agreement(calendar="team", warnings="", more="    touch: {by: owner}\n    settle: 0s\n"),
    *DECLARED,
]
BY = st.sampled_from(AGREEMENTS)
END = BEGIN + timedelta(days=12)
NOWS = st.integers(0, 12 * 24 * 60).map(lambda minute: BEGIN + timedelta(minutes=minute))
DETERMINED = settings(derandomize=True, deadline=None, max_examples=300)


@DETERMINED
@given(events=stories(), by=BY, now=NOWS, data=st.data())
def test_a_verdict_knows_no_order_and_no_repetition(
    events: list[LeadEvent], by: Agreement, now: datetime, data: st.DataObject
) -> None:
    expected = History.of(events)
    shuffled = data.draw(st.permutations(events + events[: data.draw(st.integers(0, len(events)))]))
    cut = data.draw(st.integers(0, len(shuffled)))
    piecewise = History(expected.lead, expected.source).with_events(shuffled[:cut])[0]
    piecewise = History.from_bytes(piecewise.to_bytes()).with_events(shuffled[cut:])[0]
    assert piecewise == expected
    assert judge(piecewise, by, now) == judge(expected, by, now)


@DETERMINED
@given(events=stories(), by=BY, now=NOWS)
def test_a_second_delivery_changes_nothing(events: list[LeadEvent], by: Agreement, now: datetime) -> None:
    engine = Engine(by)
    engine.receive(now, *events)
    known = (engine.history, engine.announced)
    assert engine.receive(now, *reversed(events)) == []
    assert (engine.history, engine.announced) == known


@DETERMINED
@given(events=stories(), by=BY, now=NOWS)
def test_a_verdict_is_sound(events: list[LeadEvent], by: Agreement, now: datetime) -> None:
    for each in judge(History.of(events), by, now).obligations:
        assert each.started_at <= now
        assert sum(holding.business_us for holding in each.holders) == each.business_us
        assert sum(holding.wall_us for holding in each.holders) == each.wall_us
        for earlier, later in zip(each.holders, each.holders[1:], strict=False):
            assert earlier.to_us == later.since_us
        if each.breach is not None:
            assert each.breach.at_us == each.deadline_us
            assert sum(holding.business_us for holding in each.breach.holders) == each.breach.business_us
        end = each.stopped_at or now
        if each.excuse is not None:
            assert each.state is State.EXCUSED
            assert not each.breached
            assert (each.stopped_at, each.excuse.at_us) == (each.deadline, each.deadline_us)
            continue
        paused = each.stopped_us is None and any(pause.from_event and pause.to_us is None for pause in each.pauses)
        if paused and not each.breached:
            assert each.state is State.PAUSED
            assert each.deadline_us > each.pauses[0].from_us
            continue
        assert each.breached == (end > each.deadline)
        assert (each.state is State.BREACHED) == (each.stopped_us is None and now > each.deadline)


def run(by: Agreement, arriving: list[tuple[datetime, LeadEvent]], looks: list[datetime], *, wakes: bool) -> Engine:
    """The engine over these arrivals, looking also at `looks`, and waking by itself or not."""
    engine = Engine(by)
    now = BEGIN
    moments: list[tuple[datetime, LeadEvent | None]] = [*arriving, *((look, None) for look in looks)]
    for at, event in sorted(moments, key=lambda each: each[0]):
        if wakes:
            engine.sleep_until(at, now)
        now = at
        engine.receive(now, *([] if event is None else [event]))
    if wakes:
        engine.sleep_until(END, now)
    engine.look(END)
    return engine


def without_warnings(said: list[AnySlaEvent]) -> list[tuple[object, ...]]:
    """What stands, warnings apart: they are given in time or not at all."""
    return [each for each in net(said) if each[0] != "obligation.at_risk"]


@DETERMINED
@given(events=stories(), by=BY, data=st.data(), looks=st.lists(NOWS, max_size=5))
def test_what_stands_announced_is_the_same_as_in_the_clean_order(
    events: list[LeadEvent], by: Agreement, data: st.DataObject, looks: list[datetime]
) -> None:
    clean = [(max(event.occurred_at, event.at), event) for event in events]
    clean.sort(key=lambda each: each[0])
    expected = run(by, clean, [], wakes=True)
    actual = run(by, data.draw(arrivals(events)), looks, wakes=data.draw(st.booleans()))
    assert actual.history == expected.history
    assert without_warnings(actual.said) == without_warnings(expected.said)
    true = {
        (each.clock, each.cycle, warning.name, warning.at_us)
        for each in judge(actual.history, by, END).obligations
        for warning in each.warnings
    }
    standing = {(clock, cycle, warning) for kind, clock, cycle, _, warning in net(actual.said) if warning}
    assert standing <= {each[:3] for each in true}, "a warning that stands is a true one"


@DETERMINED
@given(events=stories(), by=BY)
def test_a_breach_is_dated_at_its_deadline_and_said_no_earlier_than_it_has_settled(
    events: list[LeadEvent], by: Agreement
) -> None:
    arriving = sorted(((max(each.occurred_at, each.at), each) for each in events), key=lambda each: each[0])
    for event in run(by, arriving, [], wakes=True).said:
        if isinstance(event, ObligationBreached):
            assert event.occurred_at == event.deadline
            assert event.announced_at > event.deadline
        if isinstance(event, ObligationAtRisk):
            assert event.announced_at <= event.deadline


@settings(derandomize=True, deadline=None, max_examples=40)
@given(events=stories(), by=BY, data=st.data())
def test_hopping_from_wake_up_to_wake_up_says_what_looking_every_quarter_minute_says(
    events: list[LeadEvent], by: Agreement, data: st.DataObject
) -> None:
    arriving = [each for each in data.draw(arrivals(events)) if each[0] < BEGIN + timedelta(hours=10)]
    if not arriving:
        return
    end = arriving[-1][0] + timedelta(hours=3)
    hopping, polling = Engine(by), Engine(by)
    now = BEGIN
    for at, event in arriving:
        hopping.sleep_until(at, now)
        hopping.receive(at, event)
        while now < at:
            polling.look(now)
            now += timedelta(seconds=15)
        now = at
        polling.receive(at, event)
    hopping.sleep_until(end, now)
    while now < end + timedelta(seconds=30):
        polling.look(now)
        now += timedelta(seconds=15)
    hopping.look(now)
    assert net(hopping.said) == net(polling.said)
