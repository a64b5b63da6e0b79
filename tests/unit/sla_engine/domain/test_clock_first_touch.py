"""The first-touch clock: from the moment a person owns a qualified lead to the first real attempt to reach it."""

import pytest

from shared.events.envelope import ActorKind, Channel, Direction
from sla_engine.domain.obligation import State
from tests.support.story_builder import EVA, MAX, QUEUE, Lead, agreement, clock, utc

MINUTE_US = 60_000_000
FROM = "2024-01-08 10:00"


def presented(at: str = FROM) -> Lead:
    """A qualified lead that Max owns."""
    lead = Lead()
    lead.stage(at)
    lead.owner(at)
    return lead


def test_it_starts_at_the_later_of_qualified_and_owned() -> None:
    owned_last = Lead()
    owned_last.stage("2024-01-08 09:30")
    owned_last.owner("2024-01-08 10:00")
    qualified_last = Lead()
    qualified_last.owner("2024-01-08 09:30")
    qualified_last.stage("2024-01-08 10:00")
    for lead in (owned_last, qualified_last):
        found = clock(lead.judged("2024-01-08 10:05"), "first_touch")
        assert (found.started_at, found.deadline) == (utc("2024-01-08 10:00"), utc("2024-01-08 11:00"))
        assert found.holder.id == "max"
        assert set(found.start_events) == {"e000", "e001"}


def test_a_queue_is_no_person_and_starts_nothing() -> None:
    lead = Lead()
    lead.stage(FROM)
    lead.owner(FROM, QUEUE)
    assert [each.clock for each in lead.judged("2024-01-08 10:30").obligations] == ["handoff"]


def test_the_first_touch_stops_it_and_names_who_did_what() -> None:
    lead = presented()
    lead.touch("2024-01-08 10:40")
    lead.touch("2024-01-08 10:20", by="u-eva", channel=Channel.EMAIL)
    found = clock(lead.judged("2024-01-08 12:00"), "first_touch")
    assert (found.state, found.stopped_at, found.stop_event) == (State.MET, utc("2024-01-08 10:20"), "e003")
    assert found.reason == "email by Eva Example"
    assert found.business_us == 20 * MINUTE_US


def test_a_touch_at_the_very_start_counts_in_no_time_and_one_before_does_not() -> None:
    at_start = presented()
    at_start.touch(FROM)
    found = clock(at_start.judged("2024-01-08 12:00"), "first_touch")
    assert (found.state, found.business_us) == (State.MET, 0)
    before = presented()
    before.touch("2024-01-08 09:59:59.999999")
    assert clock(before.judged("2024-01-08 10:30"), "first_touch").state is State.ON_TRACK


@pytest.mark.parametrize(
    "no_touch",
    [
        pytest.param({"direction": Direction.INBOUND}, id="inbound"),
        pytest.param({"direction": Direction.UNKNOWN}, id="unknown direction"),
        pytest.param({"completed": False}, id="planned"),
        pytest.param({"automated": True}, id="automated"),
        pytest.param({"kind": ActorKind.AUTOMATION}, id="by a machine"),
        pytest.param({"kind": ActorKind.INTEGRATION}, id="by an integration"),
        pytest.param({"channel": Channel.NOTE}, id="a note"),
        pytest.param({"channel": Channel.TASK}, id="a task"),
        pytest.param({"channel": Channel.OTHER}, id="something else"),
    ],
)
def test_what_is_no_touch_does_not_stop_it(no_touch: dict[str, object]) -> None:
    lead = presented()
    lead.touch("2024-01-08 10:10", **no_touch)  # type: ignore[arg-type] # one keyword of several, by the table above
    assert clock(lead.judged("2024-01-08 10:30"), "first_touch").state is State.ON_TRACK


@pytest.mark.parametrize("channel", [Channel.CALL, Channel.EMAIL, Channel.MEETING, Channel.MESSAGE])
def test_every_way_of_reaching_somebody_counts(channel: Channel) -> None:
    lead = presented()
    lead.touch("2024-01-08 10:10", channel=channel, by=None)
    assert clock(lead.judged("2024-01-08 10:30"), "first_touch").state is State.MET


def test_a_planned_call_that_is_made_counts_when_it_was_made() -> None:
    lead = presented()
    lead.touch("2024-01-08 10:10", completed=False, activity="call-1", written="2024-01-08 10:05")
    lead.touch("2024-01-08 10:30", completed=True, activity="call-1", written="2024-01-08 10:31")
    found = clock(lead.judged("2024-01-08 12:00"), "first_touch")
    assert found.stopped_at == utc("2024-01-08 10:30")


def test_judged_by_event_time_whatever_the_polling() -> None:
    lead = presented()
    lead.touch("2024-01-08 11:02")
    found = clock(lead.judged("2024-01-08 18:00"), "first_touch")
    assert found.state is State.MET_LATE
    assert found.breach is not None
    assert found.breach.at_us == found.deadline_us
    assert found.business_us == 62 * MINUTE_US


def test_on_reassignment_the_used_part_stays_used_and_the_new_owners_calendar_counts_on() -> None:
    lead = presented("2024-01-08 10:00")
    lead.owner("2024-01-08 10:45", EVA)  # Eva works from 13:00
    found = clock(lead.judged("2024-01-08 13:10"), "first_touch")
    assert found.deadline == utc("2024-01-08 13:15")
    assert found.calendar == "late"
    charged = [(each.holder.id, each.business_us, each.wall_us, each.calendar) for each in found.holders]
    assert charged == [
        ("max", 45 * MINUTE_US, 45 * MINUTE_US, "office"),
        ("eva", 10 * MINUTE_US, 145 * MINUTE_US, "late"),
    ]
    assert found.holders[-1].to_us is None


def test_restating_the_owner_is_no_reassignment() -> None:
    lead = presented()
    lead.owner("2024-01-08 10:30", MAX)
    assert len(clock(lead.judged("2024-01-08 10:40"), "first_touch").holders) == 1


def test_the_clock_runs_on_in_a_queue_and_is_charged_to_it() -> None:
    lead = presented()
    lead.owner("2024-01-08 10:20", QUEUE)
    lead.owner("2024-01-08 10:50", None)
    found = clock(lead.judged("2024-01-08 10:55"), "first_touch")
    assert [(each.holder.name, each.business_us // MINUTE_US) for each in found.holders] == [
        ("Max Muster", 20),
        ("Inbound queue", 30),
        ("Marketing", 5),
    ]


def test_a_breach_is_charged_as_things_stood_at_the_deadline() -> None:
    lead = presented()
    lead.owner("2024-01-08 14:00", EVA)
    found = clock(lead.judged("2024-01-08 15:00"), "first_touch")
    assert found.breach is not None
    assert found.breach.holder.id == "max"
    assert [each.holder.id for each in found.breach.holders] == ["max"]
    assert found.holder.id == "eva"
    assert found.deadline == utc("2024-01-08 11:00"), "passed is passed: a new owner moves it no more"


RESTART = "    on_reassignment: restart\n"


def test_restart_gives_a_new_owner_the_whole_time() -> None:
    by = agreement(more=RESTART)
    lead = presented("2024-01-08 13:00")
    lead.owner("2024-01-08 13:45", EVA)
    found = clock(lead.judged("2024-01-08 13:50", by), "first_touch")
    assert (found.started_at, found.deadline) == (utc("2024-01-08 13:00"), utc("2024-01-08 14:45"))
    assert found.cycle == 1


def test_after_a_restart_a_warning_of_the_time_before_puts_nothing_at_risk() -> None:
    by = agreement(more=RESTART)
    lead = presented("2024-01-08 13:00")
    assert clock(lead.judged("2024-01-08 13:59", by), "first_touch").state is State.AT_RISK
    lead.owner("2024-01-08 13:59:30", EVA)
    found = clock(lead.judged("2024-01-08 14:00", by), "first_touch")
    assert (found.state, found.warnings[0].at_us < found.deadline_us - 3_600_000_000) == (State.ON_TRACK, True)
    assert clock(lead.judged("2024-01-08 14:59", by), "first_touch").state is State.AT_RISK


def test_restart_at_the_very_deadline_is_in_time_and_after_it_too_late() -> None:
    by = agreement(more=RESTART)
    in_time = presented("2024-01-08 13:00")
    in_time.owner("2024-01-08 14:00", EVA)
    assert clock(in_time.judged("2024-01-08 14:30", by), "first_touch").deadline == utc("2024-01-08 15:00")
    too_late = presented("2024-01-08 13:00")
    too_late.owner("2024-01-08 14:00:00.000001", EVA)
    found = clock(too_late.judged("2024-01-08 14:30", by), "first_touch")
    assert (found.state, found.deadline) == (State.BREACHED, utc("2024-01-08 14:00"))


def test_only_the_owners_touch_counts_where_the_agreement_says_so() -> None:
    by = agreement(more="    touch: {by: owner}\n")
    lead = presented()
    lead.touch("2024-01-08 10:10", by="u-eva")
    assert clock(lead.judged("2024-01-08 10:30", by), "first_touch").state is State.ON_TRACK
    lead.touch("2024-01-08 10:20", by="u-max")
    assert clock(lead.judged("2024-01-08 10:30", by), "first_touch").stopped_at == utc("2024-01-08 10:20")


def test_machines_count_where_the_agreement_says_so() -> None:
    by = agreement(more="    touch: {automated: true, directions: [outbound, inbound], channels: [email]}\n")
    lead = presented()
    lead.touch("2024-01-08 10:05", channel=Channel.CALL)
    lead.touch("2024-01-08 10:10", automated=True, channel=Channel.EMAIL, direction=Direction.INBOUND)
    assert clock(lead.judged("2024-01-08 10:30", by), "first_touch").stopped_at == utc("2024-01-08 10:10")


def test_a_rejection_by_sales_cancels_it_but_not_the_handoff_before_it() -> None:
    lead = Lead()
    lead.stage(FROM)
    lead.rejected("2024-01-08 10:05")
    assert clock(lead.judged("2024-01-08 10:10"), "handoff").state is State.ON_TRACK
    lead.owner("2024-01-08 10:10")
    lead.rejected("2024-01-08 10:20", "no budget")
    found = clock(lead.judged("2024-01-08 12:00"), "first_touch")
    assert (found.state, found.reason) == (State.CANCELLED, "rejected by sales: no budget")


def test_acceptance_is_no_touch() -> None:
    lead = presented()
    lead.accepted("2024-01-08 10:20")
    assert clock(lead.judged("2024-01-08 12:00"), "first_touch").state is State.BREACHED


def test_a_touch_beats_a_cancellation_at_the_same_instant() -> None:
    for end in ("deleted", "merged", "rejected", "disposed"):
        lead = presented()
        getattr(lead, end)("2024-01-08 10:30")
        lead.touch("2024-01-08 10:30")
        assert clock(lead.judged("2024-01-08 12:00"), "first_touch").state is State.MET, end


def test_a_new_cycle_comes_with_a_lead_that_qualifies_again() -> None:
    lead = presented()
    lead.touch("2024-01-08 10:10")
    lead.stage("2024-01-08 15:00", "recycled")
    lead.stage("2024-02-05 10:00")
    verdict = lead.judged("2024-02-05 10:30")
    assert clock(verdict, "first_touch", 1).state is State.MET
    again = clock(verdict, "first_touch", 2)
    assert (again.state, again.started_at) == (State.ON_TRACK, utc("2024-02-05 10:00"))
    assert clock(verdict, "handoff", 2).state is State.MET
    assert len({each.id for each in verdict.obligations}) == 4


def test_a_batch_of_one_instant_applies_in_order_whatever_the_order_on_the_wire() -> None:
    lead = Lead()
    lead.touch(FROM)
    lead.owner(FROM)
    lead.stage(FROM)
    lead.knows(FROM, size=2000)
    lead.created(FROM, {"name": "Ada Lovelace", "size": 10})
    verdict = lead.judged("2024-01-08 12:00")
    assert [(each.clock, each.state, each.segment) for each in verdict.obligations] == [
        ("handoff", State.MET, "Enterprise"),
        ("first_touch", State.MET, "Enterprise"),
    ]


def test_warnings_fall_due_by_business_time_used_or_left() -> None:
    by = agreement(warnings='"50%", "15m left"')
    lead = presented("2024-01-05 16:40")
    found = clock(lead.judged("2024-01-05 16:50", by), "first_touch")
    assert [(each.name, each.at_us) for each in found.warnings] == [
        ("50%", int(utc("2024-01-08 09:10").timestamp() * 1e6)),
        ("15m left", int(utc("2024-01-08 09:25").timestamp() * 1e6)),
    ]
    assert found.state is State.ON_TRACK
    assert clock(lead.judged("2024-01-08 09:10", by), "first_touch").state is State.AT_RISK


def test_the_team_or_a_named_calendar_may_count_instead_of_the_owners() -> None:
    for choice, due in (("team", "2024-01-08 11:00"), ("late", "2024-01-08 14:00"), ("always", "2024-01-08 11:00")):
        lead = Lead()
        lead.stage(FROM)
        lead.owner(FROM, EVA)
        assert clock(lead.judged("2024-01-08 10:05", agreement(calendar=choice)), "first_touch").deadline == utc(due)


def test_an_owner_the_agreement_does_not_know_is_named_by_the_event_or_by_id() -> None:
    stranger = type(MAX)(kind=MAX.kind, id="u-new", name="Nell New")
    nameless = type(MAX)(kind=MAX.kind, id="u-else")
    for owner, name in ((stranger, "Nell New"), (nameless, "u-else")):
        lead = Lead()
        lead.stage(FROM)
        lead.owner(FROM, owner)
        found = clock(lead.judged("2024-01-08 10:05"), "first_touch")
        assert found.holder.name == name
        assert found.escalation is not None
        assert found.escalation.team == "Inside sales"


def test_a_lead_deleted_stays_deleted_until_it_is_created_again() -> None:
    lead = presented()
    lead.deleted("2024-01-08 10:30")
    lead.stage("2024-01-08 10:40", "mql")
    assert [each.state for each in lead.judged("2024-01-08 12:00").obligations] == [State.MET, State.CANCELLED]
    lead.created("2024-01-09 10:00")
    lead.stage("2024-01-09 10:00", "mql")
    assert clock(lead.judged("2024-01-09 10:05"), "handoff", 2).state is State.ON_TRACK
