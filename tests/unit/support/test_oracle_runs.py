"""The oracle by itself: conditions and runs, sentence by sentence of docs/clocks.md."""

import datetime as dt
from typing import Any

import pytest

from shared.events import lead
from shared.events.envelope import Channel, Direction
from tests.support.oracle.declared import Condition
from tests.unit.support.telling import EVA, MAX, QUEUE, Told, agreement, clock, judged, runs

END = "2024-01-12 17:00"


@pytest.mark.parametrize(
    ("stop", "stopped"),
    [
        ({"event": "lead.accepted"}, "11:00"),
        ({"event": ["lead.accepted", "lead.assigned"]}, "09:30"),
        ({"fields": {"outcome": ["CONNECTED"]}}, "12:00"),
        ({"fields": {"channel": ["Email", "note"], "completed": [True]}}, "12:00"),
        ({"touch": {}}, "10:00"),
        ({"touch": {"channels": ["email"]}}, "12:00"),
        ({"touch": {"by": "owner"}}, "12:00"),
        ({"touch": {"by": {"people": ["eva"]}}}, "10:00"),
        ({"touch": {"by": {"team": ["sales"]}}}, "12:00"),
        ({"touch": {"outcome": ["connected"]}}, "12:00"),
        ({"touch": {"directions": ["inbound"]}}, "10:30"),
        ({"touch": {}, "count": 2}, "12:00"),
        ({"owner_kind": "person"}, "09:30"),
        ({"all": [{"owner_kind": "person"}, {"event": "lead.accepted"}]}, "11:00"),
        ({"any": [{"event": "lead.accepted"}, {"touch": {"channels": ["email"]}}]}, "11:00"),
        ({"attribute": "size", "at_least": 5}, "09:45"),
        ({"not": {"stage": ["mql"]}}, "13:00"),
        ({"team": ["sales"]}, "09:30"),
        ({"owner": ["max"]}, "09:30"),
        ({"source": ["crm"]}, "09:00"),
    ],
)
def test_a_question_holds_when_the_page_says_so(stop: Condition, stopped: str) -> None:
    told = Told().stage("09:00").owner("09:30").knows("09:45", size=5)
    told.touch("10:00", by=EVA).touch("10:30", direction=Direction.INBOUND)
    told.add(lead.LeadAccepted, "11:00").touch("12:00", outcome="Connected", channel=Channel.EMAIL)
    told.stage("13:00", "sal")
    (found,) = judged(told, agreement(clock(stop=stop)), END)
    assert found.stopped is not None
    assert f"{found.stopped:%H:%M}" == stopped


@pytest.mark.parametrize(
    "said",
    [
        {"completed": False},
        {"automated": True},
        {"channel": Channel.NOTE},
        {"direction": Direction.INBOUND},
    ],
)
def test_what_is_no_touch_stops_nothing(said: dict[str, Any]) -> None:
    told = Told().stage("09:00").touch("10:00", **said)
    assert runs(judged(told, agreement(clock()), "10:00")) == [("answer", 1, 1, "on_track", "09:00")]


def test_a_start_that_holds_already_starts_nothing() -> None:
    told = Told().owner("08:00").stage("09:00").stage("10:00", "sal").stage("11:00")
    per_lead = clock(start={"owner_kind": "person"}, stop={"stage": ["sal"]}, per="lead")
    assert runs(judged(told, agreement(per_lead), END)) == [("answer", 1, 1, "met", "08:00")]


def test_at_the_fact_that_begins_a_stay_the_start_counts_as_not_holding_before() -> None:
    told = Told().owner("08:00").stage("09:00")
    found = judged(told, agreement(clock(start={"owner_kind": "person"})), "09:30")
    assert runs(found) == [("answer", 1, 1, "on_track", "09:00")]


def test_a_question_of_a_fact_makes_a_start_true_each_time() -> None:
    told = Told().stage("09:00").touch("10:00").add(lead.LeadAccepted, "11:00").touch("12:00")
    again = clock(start={"touch": {}}, stop={"event": "lead.accepted"}, times=5)
    assert runs(judged(told, agreement(again), "12:00")) == [
        ("answer", 1, 1, "met", "10:00"),
        ("answer", 1, 2, "on_track", "12:00"),
    ]


def test_a_clock_per_stay_needs_a_stay_and_a_clock_per_lead_none() -> None:
    told = Told().touch("09:00").touch("10:00")
    for per, expected in (("stay", []), ("lead", [("answer", 1, 1, "on_track", "09:00")])):
        found = judged(told, agreement(clock(start={"touch": {}}, stop={"stage": ["sal"]}, per=per)), "10:00")
        assert runs(found) == expected


def test_a_count_in_start_begins_with_the_stay() -> None:
    told = Told().touch("08:00").stage("09:00").touch("10:00").touch("11:00")
    found = judged(told, agreement(clock(start={"touch": {}, "count": 2}, stop={"stage": ["sal"]})), "11:30")
    assert runs(found) == [("answer", 1, 1, "on_track", "11:00")]


def test_a_count_of_a_clock_per_lead_takes_the_whole_history() -> None:
    told = Told().touch("08:00").stage("09:00").touch("10:00")
    counted = clock(start={"touch": {}, "count": 2}, stop={"stage": ["sal"]}, per="lead")
    assert runs(judged(told, agreement(counted), "10:30")) == [("answer", 1, 1, "on_track", "10:00")]


def test_a_count_elsewhere_takes_the_starting_fact_and_none_before_it() -> None:
    told = Told().touch("08:00").stage("09:00").touch("09:00").touch("10:00").touch("11:00")
    found = judged(told, agreement(clock(start={"touch": {}}, stop={"touch": {}, "count": 2})), END)
    assert [(f"{each.started:%H:%M}", f"{each.stopped:%H:%M}") for each in found] == [("09:00", "10:00")]


def test_a_run_sees_the_facts_of_its_instant_from_the_starting_one_on() -> None:
    told = Told().owner("09:00").add(lead.LeadAccepted, "09:00").stage("09:00")
    owned = clock(start={"event": "lead.accepted"}, stop={"event": "lead.assigned"})
    assert runs(judged(told, agreement(owned), "09:30")) == [("answer", 1, 1, "on_track", "09:00")]


def test_stop_goes_before_reset_and_reset_before_cancel() -> None:
    told = Told().stage("09:00").add(lead.LeadRejected, "10:00").touch("10:00")
    touch: Condition = {"touch": {}}
    rejected: Condition = {"event": "lead.rejected"}
    never: Condition = {"stage": ["lost"]}
    cases: list[tuple[Condition, Condition | None, list[str]]] = [
        (touch, rejected, ["met"]),
        (never, touch, ["met", "on_track"]),
        (never, None, ["cancelled"]),
    ]
    for stop, reset, states in cases:
        one = clock(stop=stop, reset=reset, cancel=rejected, times=2)
        assert [each.state for each in judged(told, agreement(one), "10:00")] == states


def test_cancel_goes_before_pause_and_pause_before_resume() -> None:
    told = Told().stage("09:00").add(lead.LeadAccepted, "09:30").add(lead.LeadRejected, "09:30")
    both = clock(pause={"event": "lead.accepted"}, resume={"event": "lead.rejected"})
    assert [each.state for each in judged(told, agreement(both), "09:30")] == ["paused"]
    cancelled = clock(pause={"event": "lead.accepted"}, cancel={"event": "lead.rejected"})
    assert [each.state for each in judged(told, agreement(cancelled), "09:30")] == ["cancelled"]


def test_a_reset_ends_one_run_and_begins_the_next_until_times_are_used_up() -> None:
    told = Told().stage("09:00").touch("10:00").touch("11:00").touch("12:00")
    cadence = clock(stop={"stage": ["sal"]}, reset={"touch": {}}, times=3)
    assert runs(judged(told, agreement(cadence), END)) == [
        ("answer", 1, 1, "met", "09:00"),
        ("answer", 1, 2, "met", "10:00"),
        ("answer", 1, 3, "met", "11:00"),
    ]


def test_a_stopped_run_is_followed_in_its_instant_by_a_start_at_or_after_the_stop() -> None:
    told = Told().stage("09:00").owner("09:00").touch("10:00")
    touched = clock(start={"event": ["lead.assigned", "touch.logged"]}, times=3)
    assert runs(judged(told, agreement(touched), "10:00")) == [
        ("answer", 1, 1, "met", "09:00"),
        ("answer", 1, 2, "on_track", "10:00"),
    ]


def test_a_follower_sees_nothing_more_of_its_instant() -> None:
    told = Told().stage("09:00").owner("09:00").touch("10:00").touch("10:00")
    touched = clock(start={"event": ["lead.assigned", "touch.logged"]}, times=9)
    assert len(judged(told, agreement(touched), "10:00")) == 2


def test_no_run_follows_in_its_own_starting_instant_by_its_own_starting_fact() -> None:
    told = Told().stage("09:00").touch("10:00")
    found = judged(told, agreement(clock(start={"touch": {}}, times=9)), END)
    assert runs(found) == [("answer", 1, 1, "met", "10:00")]


@pytest.mark.parametrize("end", ["nurture", "recycled", "deleted", "merged"])
def test_the_end_of_a_stay_cancels(end: str) -> None:
    told = Told().stage("09:00")
    match end:
        case "nurture":
            told.stage("09:30", "nurture")
        case "recycled":
            told.add(lead.LeadDisposed, "09:30", disposition="recycled")
        case "deleted":
            told.add(lead.LeadDeleted, "09:30")
        case _:
            told.add(lead.LeadMerged, "09:30", into="x")
    (found,) = judged(told, agreement(clock()), END)
    assert (found.state, f"{found.stopped:%H:%M}") == ("cancelled", "09:30")


def test_a_clock_per_lead_outlives_the_stay_but_not_the_lead() -> None:
    told = Told().stage("09:00").stage("09:30", "nurture")
    per_lead = agreement(clock(per="lead"))
    assert runs(judged(told, per_lead, "09:45")) == [("answer", 1, 1, "on_track", "09:00")]
    told.add(lead.LeadDeleted, "09:50")
    assert runs(judged(told, per_lead, END)) == [("answer", 1, 1, "cancelled", "09:00")]


def test_back_in_the_qualified_stages_in_the_same_instant_the_stay_goes_on() -> None:
    told = Told().stage("09:00").stage("09:30", "nurture").stage("09:30")
    assert runs(judged(told, agreement(clock()), "09:45")) == [("answer", 1, 1, "on_track", "09:00")]


def test_stays_are_counted_and_rounds_in_them() -> None:
    told = Told().stage("09:00").touch("09:10").stage("09:20", "nurture").stage("09:30").touch("09:40")
    assert runs(judged(told, agreement(clock()), END)) == [
        ("answer", 1, 1, "met", "09:00"),
        ("answer", 2, 1, "met", "09:30"),
    ]
    per_lead = agreement(clock(per="lead"))
    assert runs(judged(told, per_lead, END)) == [
        ("answer", 1, 1, "met", "09:00"),
        ("answer", 2, 1, "met", "09:30"),
    ]


def test_a_snapshot_that_repeats_stage_and_closing_disposition_begins_nothing() -> None:
    told = Told().stage("09:00").add(lead.LeadDisposed, "09:30", disposition="recycled")
    told.stage("10:00").add(lead.LeadDisposed, "10:00", disposition="recycled").stage("11:00")
    found = judged(told, agreement(clock()), "11:30")
    assert runs(found) == [("answer", 1, 1, "cancelled", "09:00"), ("answer", 2, 1, "on_track", "11:00")]


def test_a_chain_starts_by_the_fact_that_stopped_the_other_clock() -> None:
    told = Told().stage("09:00").owner("09:30", QUEUE).owner("10:00", MAX).touch("10:00").touch("11:00")
    first = clock("handoff", stop={"owner_kind": "person"}, held_by="marketing")
    second = clock("touch", start={"ended": "handoff"})
    assert runs(judged(told, agreement(second, first), END)) == [
        ("touch", 1, 1, "met", "10:00"),
        ("handoff", 1, 1, "met", "09:00"),
    ]


def test_a_chain_does_not_start_by_a_cancellation() -> None:
    told = Told().stage("09:00").add(lead.LeadRejected, "09:30")
    first = clock("handoff", cancel={"event": "lead.rejected"})
    assert len(judged(told, agreement(first, clock("touch", start={"ended": "handoff"})), END)) == 1


def test_nothing_starts_outside_the_term_and_what_is_open_at_its_end_is_cancelled() -> None:
    told = Told().stage("2024-01-08 16:59")
    before = agreement(clock(target="6000m"), first_day=dt.date(2024, 1, 9))
    assert judged(told, before, END) == []
    until = agreement(clock(target="6000m"), last_day=dt.date(2024, 1, 9))
    (found,) = judged(told, until, "2024-01-09 23:59")
    assert found.state == "on_track"
    (found,) = judged(told, until, "2024-01-10 00:00")
    assert (found.state, str(found.stopped)) == ("cancelled", "2024-01-10 00:00:00+00:00")


def test_after_a_loss_nothing_starts_until_the_lead_is_created_and_told_anew() -> None:
    told = Told().stage("09:00").touch("09:10").add(lead.LeadDeleted, "09:20").stage("09:30")
    assert len(judged(told, agreement(clock()), END)) == 1
    told.add(lead.LeadCreated, "09:40").stage("09:50")
    assert runs(judged(told, agreement(clock()), "10:00"))[1:] == [("answer", 2, 1, "on_track", "09:50")]


def test_a_follower_sees_the_state_at_the_end_of_its_instant() -> None:
    told = Told().stage("09:00").touch("10:00").stage("10:00", "sal")
    by_state: dict[str, Condition] = {
        "stop": {"stage": ["sal"]},
        "cancel": {"stage": ["sal"]},
        "pause": {"stage": ["sal"]},
    }
    for what, state in (("cancel", "cancelled"), ("pause", "paused")):
        said: dict[str, Any] = {"stop": {"event": "lead.accepted"}, what: by_state[what]}
        cadence = clock(reset={"touch": {}}, times=5, **said)
        assert [each.state for each in judged(told, agreement(cadence), "10:00")] == ["met", state]


def test_a_run_that_a_chain_starts_sees_no_fact_of_its_instant() -> None:
    told = Told().stage("09:00").owner("10:00", MAX).touch("10:00")
    first = clock("handoff", stop={"owner_kind": "person"}, held_by="marketing")
    by_touch = clock("touch", start={"ended": "handoff"})
    assert [each.state for each in judged(told, agreement(first, by_touch), "10:00")] == ["met", "on_track"]
    by_state = clock("owned", start={"ended": "handoff"}, stop={"owner_kind": "person"})
    assert [each.state for each in judged(told, agreement(first, by_state), "10:00")] == ["met", "met"]


def test_before_the_first_fact_nothing_holds() -> None:
    told = Told().stage("09:00")
    unowned = clock(start={"owner_kind": "nobody"}, stop={"owner_kind": "person"}, per="lead")
    assert runs(judged(told, agreement(unowned), "09:30")) == [("answer", 1, 1, "on_track", "09:00")]


def test_reset_is_not_asked_of_the_starting_fact() -> None:
    told = Told().stage("09:00").touch("10:00").touch("10:30")
    gap = clock(start={"touch": {}}, stop={"stage": ["sal"]}, reset={"touch": {}}, times=5)
    assert runs(judged(told, agreement(gap), "10:45")) == [
        ("answer", 1, 1, "met", "10:00"),
        ("answer", 1, 2, "on_track", "10:30"),
    ]


def test_a_pause_without_resume_goes_by_the_last_fact_of_the_instant() -> None:
    told = Told().stage("09:00").owner("09:00", MAX)
    unowned = clock(pause={"owner_kind": "nobody"})
    assert [each.state for each in judged(told, agreement(unowned), "09:00")] == ["on_track"]
    told.owner("09:10", QUEUE).owner("09:10", None)
    assert [each.state for each in judged(told, agreement(unowned), "09:10")] == ["paused"]


def test_a_closing_disposition_makes_the_stage_count_as_not_told() -> None:
    told = Told().stage("09:00").add(lead.LeadDisposed, "09:30", disposition="recycled")
    left = clock(stop={"not": {"stage": ["mql"]}}, per="lead")
    assert runs(judged(told, agreement(left), "09:45")) == [("answer", 1, 1, "met", "09:00")]
    told.stage("10:00")
    assert runs(judged(told, agreement(left), "10:15"))[1:] == [("answer", 2, 1, "on_track", "10:00")]
