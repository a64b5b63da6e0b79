"""When runs begin and end, and what one instant settles. docs/clocks.md, "Runs"."""

import pytest

from shared.events.envelope import Channel
from shared.events.identity import identifier
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from sla_engine.domain.judgement import judge
from sla_engine.domain.obligation import State
from tests.support.declared_clocks import declared, promise, run, runs
from tests.support.story_builder import EVA, LEAD, MAX, QUEUE, Engine, Lead, utc

NINE, TEN, ELEVEN = "2024-01-08 09:00", "2024-01-08 10:00", "2024-01-08 11:00"


def qualified(at: str = NINE) -> Lead:
    lead = Lead()
    lead.stage(at)
    return lead


# -- start ----------------------------------------


def test_a_start_that_held_already_begins_nothing_when_it_is_said_again() -> None:
    by = promise("start: {owner_kind: person}, stop: {touch: {}}, times: any")
    lead = qualified()
    lead.owner(TEN, MAX)
    lead.touch("2024-01-08 10:10")
    lead.owner("2024-01-08 10:20", EVA)
    assert len(runs(lead, by, ELEVEN)) == 1, "a person before, a person after"
    lead.owner("2024-01-08 10:30", QUEUE)
    lead.owner("2024-01-08 10:40", MAX)
    assert [each.round for each in runs(lead, by, ELEVEN)] == [1, 2]


def test_at_the_fact_that_begins_a_stay_the_start_counts_as_not_holding_before() -> None:
    lead = Lead()
    lead.owner(NINE, MAX)
    lead.stage(TEN)
    by = promise("start: {owner_kind: person}, stop: {touch: {}}")
    assert run(lead, by, ELEVEN).started_at == utc(TEN)


def test_a_clock_of_a_stay_starts_only_inside_one_and_one_of_the_lead_anywhere() -> None:
    lead = Lead()
    lead.accepted(NINE)
    asked = "start: {event: lead.accepted}, stop: {touch: {}}"
    assert runs(lead, promise(asked), TEN) == []
    assert len(runs(lead, promise(f"per: lead, {asked}"), TEN)) == 1
    lead.deleted("2024-01-08 09:30")
    lead.accepted("2024-01-08 09:40")
    assert len(runs(lead, promise(f"per: lead, {asked}"), TEN)) == 1, "the lead is lost"


def test_nothing_starts_at_a_fact_that_ends_the_stay() -> None:
    lead = qualified()
    lead.disposed(TEN, "recycled")
    assert runs(lead, promise("start: {event: lead.disposed}, stop: {touch: {}}"), ELEVEN) == []
    lead.disposed("2024-01-08 10:30", "qualified")
    assert runs(lead, promise("start: {event: lead.disposed}, stop: {touch: {}}"), ELEVEN) == []


def test_a_run_sees_the_facts_of_its_instant_from_its_starting_fact_on() -> None:
    lead = qualified()
    lead.owner(TEN, MAX)
    lead.touch(TEN)
    by = promise("start: {event: lead.assigned}, stop: {touch: {}}")
    found = run(lead, by, ELEVEN)
    assert (found.state, found.wall_us) == (State.MET, 0)
    earlier = promise("start: {touch: {}}, stop: {event: lead.assigned}")
    assert run(lead, earlier, "2024-01-08 10:30").state is State.ON_TRACK, "the assignment comes before the touch"


# -- one instant ----------------------------------------


ALL = (
    "per: lead, start: {event: lead.created}, stop: {touch: {channels: [call]}}, reset: {touch: {channels: [email]}}, "
    "cancel: {event: lead.rejected}, pause: {event: lead.accepted}, resume: {event: lead.disposed}, times: any"
)


@pytest.mark.parametrize(
    ("told", "states"),
    [
        pytest.param("stop reset cancel pause", [State.MET], id="stop before all"),
        pytest.param("reset cancel pause resume", [State.MET, State.ON_TRACK], id="reset before cancel"),
        pytest.param("cancel pause resume", [State.CANCELLED], id="cancel before pause"),
        pytest.param("pause resume", [State.PAUSED], id="pause before resume"),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_stop_before_reset_before_cancel_before_pause_before_resume(
    told: str, states: list[State], backwards: bool
) -> None:
    lead = Lead()
    lead.created(NINE)
    tell = {
        "stop": lambda: lead.touch(TEN),
        "reset": lambda: lead.touch(TEN, channel=Channel.EMAIL),
        "cancel": lambda: lead.rejected(TEN),
        "pause": lambda: lead.accepted(TEN),
        "resume": lambda: lead.disposed(TEN, "qualified"),
    }
    words = told.split()
    for word in reversed(words) if backwards else words:
        tell[word]()
    assert [each.state for each in runs(lead, promise(ALL), "2024-01-08 10:00")] == states


def test_what_ends_the_stay_takes_effect_after_a_stop_of_the_same_instant() -> None:
    lead = qualified()
    lead.disposed(TEN, "disqualified")
    assert run(lead, promise("start: {qualified: true}, stop: {event: lead.disposed}"), ELEVEN).state is State.MET
    assert run(lead, promise("start: {qualified: true}, stop: {touch: {}}"), ELEVEN).state is State.CANCELLED


def test_a_run_may_follow_a_stop_in_the_same_instant_if_it_starts_by_a_fact_from_then_on() -> None:
    by = promise("start: {event: lead.accepted}, stop: {touch: {}}, times: any")
    lead = qualified()
    lead.accepted(NINE)
    lead.touch(TEN)
    lead.accepted(TEN)  # touches come before acceptances
    assert [(each.started_at, each.state) for each in runs(lead, by, TEN)] == [
        (utc(NINE), State.MET),
        (utc(TEN), State.ON_TRACK),
    ]
    once = promise("start: {event: lead.accepted}, stop: {touch: {}}")
    assert len(runs(lead, once, TEN)) == 1, "times: 1"


def test_no_run_follows_where_the_stay_ended() -> None:
    lead = qualified()
    lead.touch(TEN)
    lead.stage(TEN, "customer")
    by = promise("start: {qualified: true}, stop: {event: lead.converted}, reset: {touch: {}}, times: any")
    assert [each.state for each in runs(lead, by, ELEVEN)] == [State.MET]


def test_a_reset_is_not_asked_of_the_starting_fact() -> None:
    lead = qualified()
    lead.touch(TEN)
    by = promise("start: {touch: {}}, stop: {event: lead.converted}, reset: {touch: {}}, times: any")
    assert [each.round for each in runs(lead, by, TEN)] == [1]


def test_a_run_that_follows_sees_the_state_at_the_end_of_the_instant() -> None:
    lead = qualified()
    lead.touch(TEN)
    lead.owner(TEN, MAX)
    by = promise(
        "start: {qualified: true}, stop: {any: [{event: lead.converted}, {owner_kind: person, stage: [sal]}]}, "
        "reset: {touch: {}}, cancel: {owner_kind: person, stage: [mql]}, times: any"
    )
    assert [each.state for each in runs(lead, by, TEN)] == [State.MET, State.CANCELLED]


# -- times, cycles, rounds, ids ----------------------------------------


@pytest.mark.parametrize(("times", "made"), [("", 1), (", times: 2", 2), (", times: any", 4)])
def test_times_bounds_the_runs_of_a_stay(times: str, made: int) -> None:
    lead = qualified()
    for minute in (10, 20, 30):
        lead.touch(f"2024-01-08 09:{minute}")
    by = promise(f"start: {{qualified: true}}, stop: {{event: lead.converted}}, reset: {{touch: {{}}}}{times}")
    assert [each.round for each in runs(lead, by, TEN)] == list(range(1, made + 1))


def test_a_new_stay_may_begin_as_many_again() -> None:
    lead = qualified()
    lead.touch("2024-01-08 09:10")
    lead.stage("2024-01-08 09:20", "lead")
    lead.stage("2024-01-08 09:30")
    by = promise("start: {qualified: true}, stop: {touch: {}}")
    assert [(each.cycle, each.round) for each in runs(lead, by, TEN)] == [(1, 1), (2, 1)]


@pytest.mark.parametrize(("times", "made"), [("", 3), (", times: 2", 2)])
def test_a_clock_of_the_lead_counts_its_runs_in_cycles_without_bound(times: str, made: int) -> None:
    lead = Lead()
    for hour in (9, 10, 11):
        lead.deal(f"2024-01-08 {hour:02}:00")
        lead.touch(f"2024-01-08 {hour:02}:30")
    by = promise(f"per: lead, start: {{event: deal.won}}, stop: {{touch: {{}}}}{times}")
    found = runs(lead, by, "2024-01-08 12:00")
    assert [(each.cycle, each.round) for each in found] == [(cycle, 1) for cycle in range(1, made + 1)]


def test_ids_are_of_lead_clock_cycle_and_of_the_round_where_it_is_not_the_first() -> None:
    lead = qualified()
    lead.touch("2024-01-08 09:10")
    by = promise("start: {qualified: true}, stop: {event: lead.converted}, reset: {touch: {}}, times: any")
    assert [each.id for each in runs(lead, by, TEN)] == [
        identifier(LEAD, "promise", "1"),
        identifier(LEAD, "promise", "1.2"),
    ]


def test_left_and_entered_again_in_one_instant_is_never_left() -> None:
    lead = qualified()
    lead.stage(TEN, "lead")
    lead.stage(TEN, "sal")
    assert [each.cycle for each in runs(lead, promise("start: {qualified: true}, stop: {touch: {}}"), TEN)] == [1]


# -- chains ----------------------------------------


CHAIN = """
first: {start: {qualified: true}, stop: {touch: {}}, targets: {default: 1h}, times: any}
second: {start: {ended: first}, stop: {ended: third}, targets: {default: 1h}, calendar: always}
third: {start: {event: lead.accepted}, stop: {event: lead.converted}, targets: {default: 1h}, calendar: always}
"""


def test_a_chain_starts_at_the_instant_at_which_the_other_was_stopped() -> None:
    lead = qualified()
    lead.touch(TEN)
    found = run(lead, declared(CHAIN), ELEVEN, "second")
    assert (found.started_at, found.deadline) == (utc(TEN), utc(ELEVEN))
    assert found.start_events == ("e001",), "the touch by which the first was done"


def test_a_chain_may_also_be_stopped_so() -> None:
    lead = qualified()
    lead.accepted("2024-01-08 09:30")
    lead.touch(TEN)
    lead.converted("2024-01-08 10:30")
    assert run(lead, declared(CHAIN), ELEVEN, "second").stopped_at == utc("2024-01-08 10:30")


def test_a_link_that_starts_sees_nothing_more_of_the_instant_but_the_state() -> None:
    clocks = """
first: {start: {qualified: true}, stop: {touch: {}}, targets: {default: 1h}}
second: {start: {ended: first}, stop: {any: [{touch: {}}, {owner_kind: queue}]}, targets: {default: 1h}}
"""
    touched, queued = qualified(), qualified()
    touched.touch(TEN)
    assert run(touched, declared(clocks), TEN, "second").state is State.ON_TRACK, "the touch is gone"
    queued.touch(TEN)
    queued.owner(TEN, QUEUE)
    assert run(queued, declared(clocks), TEN, "second").state is State.MET, "the queue is there"


def test_a_late_fact_moves_the_whole_chain() -> None:
    engine = Engine(declared(CHAIN))
    lead = qualified()
    lead.touch(TEN)
    engine.receive(utc("2024-01-08 10:01"), *lead.events)
    earlier = lead.touch("2024-01-08 09:30")
    engine.receive(utc("2024-01-08 10:30"), earlier)
    assert run(lead, declared(CHAIN), ELEVEN, "second").started_at == utc("2024-01-08 09:30")
    assert engine.types()[-4:].count("second.retracted") == 1


# -- term ----------------------------------------


TERM = "{from: 2024-01-08, to: 2024-01-09}"
OPEN = "start: {qualified: true}, stop: {touch: {}}, targets: {default: 100h}"


def test_nothing_starts_before_the_first_day_or_after_the_last() -> None:
    by = promise(OPEN, term=TERM, timezone="Europe/Berlin")
    for at, starts in (
        ("2024-01-07 22:59:59.999999", False),
        ("2024-01-07 23:00", True),  # midnight in Berlin
        ("2024-01-09 22:59:59.999999", True),
        ("2024-01-09 23:00", False),
    ):
        lead = qualified(at)
        assert bool(runs(lead, by, "2024-01-09 23:30")) is starts, at


def test_what_is_open_when_it_ends_is_cancelled_then() -> None:
    by = promise(OPEN, term=TERM)
    lead = qualified()
    assert run(lead, by, "2024-01-09 23:59:59.999999").state is State.ON_TRACK
    found = run(lead, by, "2024-01-10 00:00")
    assert (found.state, found.stopped_at, found.reason) == (
        State.CANCELLED,
        utc("2024-01-10 00:00"),
        "the agreement ended",
    )
    lead.touch("2024-01-10 00:00:00.000001")
    assert run(lead, by, "2024-01-11 00:00").state is State.CANCELLED
    lead.touch("2024-01-10 00:00")
    assert run(lead, by, "2024-01-11 00:00").state is State.MET, "stop before cancel, also in this instant"


def test_the_end_of_the_term_is_told_without_any_news() -> None:
    engine = Engine(promise(OPEN, term=TERM))
    engine.receive(utc(NINE), *qualified().events)
    assert engine.wake(utc(NINE)) == utc("2024-01-10 00:00")
    engine.sleep_until(utc("2024-02-01 00:00"), utc(NINE))
    assert engine.types() == ["promise.opened", "promise.cancelled"]
    assert engine.wake(utc("2024-01-10 00:00")) is None


def test_a_promise_broken_before_the_end_stays_broken() -> None:
    by = promise("start: {qualified: true}, stop: {touch: {}}", term=TERM)
    found = run(qualified(), by, "2024-01-12 00:00")
    assert found.breach is not None
    assert found.breach.at_us == to_us(utc(TEN))
    assert found.state is State.CANCELLED


def test_what_the_verdict_was_before_a_fact_is_not_changed_by_it() -> None:
    lead = qualified()
    history = History.of(lead.events)
    by = promise("start: {qualified: true}, stop: {touch: {}}")
    before = judge(history, by, utc("2024-01-08 09:30"))
    lead.touch(TEN)
    after = judge(History.of(lead.events), by, utc("2024-01-08 09:30"))
    assert before.obligations == after.obligations
    assert after.next_fact_us == to_us(utc(TEN))
