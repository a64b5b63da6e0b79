"""The handoff clock: from the moment a lead qualifies to the moment a person owns it."""

from sla_engine.domain.obligation import State
from tests.support.story_builder import EVA, MAX, QUEUE, Lead, agreement, clock, utc

HOUR_US = 3_600_000_000


def test_it_starts_when_the_lead_qualifies_and_is_due_in_business_time() -> None:
    lead = Lead()
    lead.stage("2024-01-05 16:30")
    found = clock(lead.judged("2024-01-05 16:40"), "handoff")
    assert (found.state, found.started_at, found.deadline) == (
        State.ON_TRACK,
        utc("2024-01-05 16:30"),
        utc("2024-01-08 09:30"),
    )
    assert found.holder.name == "Marketing"
    assert found.business_us == found.wall_us == HOUR_US // 6


def test_the_first_owner_who_is_a_person_stops_it_and_a_queue_does_not() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.owner("2024-01-08 10:10", QUEUE)
    assert clock(lead.judged("2024-01-08 10:30"), "handoff").state is State.ON_TRACK
    lead.owner("2024-01-08 10:40", MAX)
    found = clock(lead.judged("2024-01-08 12:00"), "handoff")
    assert (found.state, found.stopped_at) == (State.MET, utc("2024-01-08 10:40"))
    assert [(each.holder.name, each.business_us) for each in found.holders] == [("Marketing", HOUR_US * 2 // 3)]


def test_a_lead_assigned_at_creation_is_handed_off_at_once_in_no_time() -> None:
    lead = Lead()
    lead.owner("2024-01-08 10:00")
    lead.stage("2024-01-08 10:00")
    lead.created("2024-01-08 10:00")
    found = clock(lead.judged("2024-01-08 10:00"), "handoff")
    assert (found.state, found.business_us, found.wall_us) == (State.MET, 0, 0)
    assert len(found.holders) == 1


def test_a_lead_owned_before_it_qualifies_is_handed_off_at_once() -> None:
    lead = Lead()
    lead.owner("2024-01-08 09:00")
    lead.stage("2024-01-08 10:00", "lead")
    lead.stage("2024-01-08 11:00", "mql")
    found = clock(lead.judged("2024-01-08 12:00"), "handoff")
    assert (found.state, found.started_at, found.stopped_at) == (State.MET, *[utc("2024-01-08 11:00")] * 2)
    assert found.stop_event == "e000"


def test_no_stage_that_qualifies_no_clock() -> None:
    lead = Lead()
    lead.created("2024-01-08 10:00", {"name": "Ada Lovelace"})
    lead.stage("2024-01-08 10:00", "lead")
    lead.owner("2024-01-08 10:00")
    assert lead.judged("2024-01-08 12:00").obligations == ()


def test_limits_are_inclusive_to_the_microsecond() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    assert clock(lead.judged("2024-01-08 11:00"), "handoff").state is State.AT_RISK
    assert clock(lead.judged("2024-01-08 11:00:00.000001"), "handoff").state is State.BREACHED
    lead.owner("2024-01-08 11:00")
    assert clock(lead.judged("2024-01-08 12:00"), "handoff").state is State.MET
    late = Lead()
    late.stage("2024-01-08 10:00")
    late.owner("2024-01-08 11:00:00.000001")
    assert clock(late.judged("2024-01-08 12:00"), "handoff").state is State.MET_LATE


def test_a_lead_nobody_touches_again_still_breaches_at_its_deadline() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    found = clock(lead.judged("2031-05-05 12:00"), "handoff")
    assert found.state is State.BREACHED
    assert found.breach is not None
    assert found.breach.at_us == found.deadline_us
    assert found.breach.business_us == HOUR_US
    assert found.breach.holders[-1].to_us == found.deadline_us


def test_leaving_the_qualified_stages_cancels_it() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.stage("2024-01-08 10:20", "disqualified")
    found = clock(lead.judged("2024-01-08 15:00"), "handoff")
    assert (found.state, found.stopped_at) == (State.CANCELLED, utc("2024-01-08 10:20"))
    assert found.reason == "left the qualified stages: disqualified"
    assert found.breach is None


def test_a_disposition_that_sends_the_lead_back_cancels_it_and_another_does_not() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.disposed("2024-01-08 10:10", "qualified")
    assert clock(lead.judged("2024-01-08 10:30"), "handoff").state is State.ON_TRACK
    lead.disposed("2024-01-08 10:30", "recycled")
    assert clock(lead.judged("2024-01-08 11:30"), "handoff").state is State.CANCELLED


def test_deletion_and_merging_away_cancel_it() -> None:
    for end in ("deleted", "merged"):
        lead = Lead()
        lead.stage("2024-01-08 10:00")
        getattr(lead, end)("2024-01-08 10:20")
        found = clock(lead.judged("2024-01-08 15:00"), "handoff")
        assert found.state is State.CANCELLED
        assert end in found.reason


def test_a_stop_beats_a_cancellation_at_the_same_instant() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.stage("2024-01-08 10:20", "recycled")
    lead.owner("2024-01-08 10:20", EVA)
    assert clock(lead.judged("2024-01-08 15:00"), "handoff").state is State.MET


def test_a_redelivered_or_restated_start_changes_nothing() -> None:
    lead = Lead()
    start = lead.stage("2024-01-08 10:00")
    lead.stage("2024-01-08 10:30")
    lead.events.append(start)
    verdict = lead.judged("2024-01-08 10:40")
    assert len(verdict.obligations) == 1
    assert clock(verdict, "handoff").started_at == utc("2024-01-08 10:00")


def test_another_qualified_stage_neither_ends_nor_restarts_it() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.stage("2024-01-08 10:10", "sal")
    lead.stage("2024-01-08 10:20", "mql")
    verdict = lead.judged("2024-01-08 10:30")
    assert [(each.cycle, each.started_at) for each in verdict.obligations] == [(1, utc("2024-01-08 10:00"))]


def test_a_lead_that_comes_back_starts_a_new_cycle_not_an_overdue_one() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.stage("2024-01-08 15:00", "recycled")
    lead.stage("2024-02-05 10:00")
    verdict = lead.judged("2024-02-05 10:05")
    assert [(each.cycle, each.state) for each in verdict.obligations] == [(1, State.CANCELLED), (2, State.ON_TRACK)]
    assert clock(verdict, "handoff", 1).breach is not None, "cancelled after the deadline: the breach stays"
    assert clock(verdict, "handoff", 2).deadline == utc("2024-02-05 11:00")


def test_a_lead_sent_back_by_a_disposition_comes_back_by_entering_the_very_stage_it_was_in() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.disposed("2024-01-08 10:20", "recycled")
    lead.stage("2024-01-08 10:40")
    verdict = lead.judged("2024-01-08 10:50")
    assert [(each.cycle, each.state) for each in verdict.obligations] == [(1, State.CANCELLED), (2, State.ON_TRACK)]


def test_a_snapshot_that_states_stage_and_disposition_once_more_starts_nothing() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.disposed("2024-01-08 10:20", "recycled")
    lead.stage("2024-01-08 10:40")
    lead.disposed("2024-01-08 10:40", "recycled")
    assert [each.cycle for each in lead.judged("2024-01-08 10:50").obligations] == [1]
    lead.stage("2024-01-08 11:00")
    assert [each.cycle for each in lead.judged("2024-01-08 11:10").obligations] == [1, 2]


def test_the_specific_segment_beats_the_default_and_an_attribute_told_later_counts() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    assert clock(lead.judged("2024-01-08 10:10"), "handoff").segment == "default"
    lead.created("2024-01-08 10:00:05", {"size": "5,000", "name": "Ada Lovelace"})
    verdict = lead.judged("2024-01-08 10:10")
    found = clock(verdict, "handoff")
    assert (found.segment, found.deadline) == ("Enterprise", utc("2024-01-08 10:30"))
    assert verdict.lead_name == "Ada Lovelace"
    lead.knows("2024-01-08 10:20", size=10)
    assert clock(lead.judged("2024-01-08 10:25"), "handoff").segment == "Enterprise", "as it was at the start"


def test_a_segment_may_be_promised_nothing() -> None:
    by = agreement(handoff="Enterprise: none, default: 1h")
    lead = Lead()
    lead.created("2024-01-08 10:00", {"size": 1000})
    lead.stage("2024-01-08 10:00")
    assert lead.judged("2024-01-08 10:10", by).obligations == ()


def test_no_default_means_no_promise_outside_the_segments() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    assert lead.judged("2024-01-08 10:10", agreement(handoff="Enterprise: 1h")).obligations == ()


def test_a_target_of_no_time_is_due_at_once_even_when_closed() -> None:
    by = agreement(handoff="default: 0s")
    lead = Lead()
    lead.stage("2024-01-06 10:00")
    assert clock(lead.judged("2024-01-06 10:00", by), "handoff").state is State.ON_TRACK
    assert clock(lead.judged("2024-01-06 10:00:01", by), "handoff").state is State.BREACHED


def test_a_business_day_is_the_calendars_own_day() -> None:
    lead = Lead()
    lead.stage("2024-01-05 11:00")
    by = agreement(handoff="default: 2 business days", calendar="team")
    assert clock(lead.judged("2024-01-05 12:00", by), "handoff").deadline == utc("2024-01-09 11:00")
    hours = agreement(handoff="default: 24h", calendar="team")
    assert clock(lead.judged("2024-01-05 12:00", hours), "handoff").deadline == utc("2024-01-10 11:00")


def test_what_lies_after_now_does_not_count_yet() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.owner("2024-01-08 10:30")
    verdict = lead.judged("2024-01-08 10:20")
    assert clock(verdict, "handoff").state is State.ON_TRACK
    assert verdict.next_fact_us is not None
    early = lead.judged("2024-01-08 09:00")
    assert early.obligations == ()
