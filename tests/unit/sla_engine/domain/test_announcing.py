"""What is announced and when: settle times, warnings, late facts, outages, changed agreements."""

from datetime import timedelta

import msgspec
import pytest

from shared.events import sla
from shared.events.envelope import OwnerKind
from sla_engine.domain.announced import Announced
from tests.support.story_builder import EVA, MAX, Engine, Lead, agreement, net, utc

SECOND = timedelta(seconds=1)


def owned(by_engine: Engine, lead: Lead, at: str = "2024-01-08 10:00") -> None:
    """A lead that qualifies and that Max owns at once; the handoff is done."""
    lead.created(at, {"name": "Ada Lovelace", "size": 5000}, url="https://crm.example.test/lead/1")
    lead.stage(at)
    lead.owner(at)
    by_engine.receive(utc(at) + SECOND, *lead.events)


@pytest.fixture
def lead() -> Lead:
    return Lead()


@pytest.fixture
def engine() -> Engine:
    return Engine(agreement())


def test_a_promise_broken_is_warned_of_then_announced_after_the_settle_time(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.sleep_until(utc("2024-01-08 18:00"), utc("2024-01-08 10:00:01"))
    assert engine.types() == [
        "handoff.opened",
        "first_touch.opened",
        "handoff.met",
        "first_touch.at_risk",
        "first_touch.breached",
    ]
    warning, breach = engine.said[-2:]
    assert (warning.occurred_at, warning.announced_at) == (utc("2024-01-08 10:11:15"), utc("2024-01-08 10:11:15"))
    assert (breach.occurred_at, breach.announced_at) == (utc("2024-01-08 10:15"), utc("2024-01-08 10:15:30"))


def test_a_breach_tells_everything_a_manager_needs(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.look(utc("2024-01-08 10:15:30"))
    breach = engine.said[-1]
    assert isinstance(breach, sla.ObligationBreached)
    assert breach.summary == (
        "Nobody has contacted Ada Lovelace (Enterprise) within 15 min; "
        "Max Muster has held the lead for 15 min of business time."
    )
    assert (breach.business_seconds, breach.wall_seconds, breach.target_seconds) == (900.0, 900.0, 900.0)
    assert breach.holder == sla.Party(
        id="max",
        name="Max Muster",
        kind=OwnerKind.USER,
        team="Inside sales",
        zone="UTC",
        slack="U-MAX",
        email="max@example.test",
    )
    assert breach.escalation is not None
    assert breach.escalation.channel == "C-SALES"
    assert breach.escalation.manager is not None
    assert breach.escalation.manager.slack == "U-MIA"
    assert (breach.crm_url, breach.source, breach.late) == ("https://crm.example.test/lead/1", "crm", False)
    assert breach.agreement_version.startswith("1+")
    assert breach.holders[0].to == breach.deadline


def test_a_touch_in_time_that_arrives_while_settling_prevents_the_breach(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.look(utc("2024-01-08 10:15:10"))
    engine.receive(utc("2024-01-08 10:15:20"), lead.touch("2024-01-08 10:14:59"))
    engine.sleep_until(utc("2024-01-09 10:00"), utc("2024-01-08 10:15:20"))
    assert engine.types()[-1] == "first_touch.met"
    assert "first_touch.breached" not in engine.types()


def test_a_touch_too_late_that_arrives_while_settling_is_told_after_the_breach(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    assert engine.receive(utc("2024-01-08 10:15:20"), lead.touch("2024-01-08 10:15:10")) == []
    assert engine.wake(utc("2024-01-08 10:15:20")) == utc("2024-01-08 10:15:30")
    engine.look(utc("2024-01-08 10:15:30"))
    assert engine.types()[-2:] == ["first_touch.breached", "first_touch.met_late"]
    assert engine.said[-1].occurred_at == utc("2024-01-08 10:15:10")


def test_a_source_may_settle_longer() -> None:
    engine = Engine(agreement(more="    settle_by_source: {crm: 2m}\n"))
    owned(engine, Lead())
    engine.sleep_until(utc("2024-01-08 18:00"), utc("2024-01-08 10:00:01"))
    assert engine.said[-1].announced_at == utc("2024-01-08 10:17")


def test_an_earlier_touch_told_later_takes_the_breach_back(engine: Engine, lead: Lead) -> None:
    owned(engine, lead, "2024-01-08 09:15")  # due 09:30
    engine.look(utc("2024-01-08 09:30:30"))
    engine.receive(utc("2024-01-08 10:01"), lead.touch("2024-01-08 10:00"))
    breach = next(each for each in engine.said if isinstance(each, sla.ObligationBreached))
    engine.receive(utc("2024-01-08 10:30"), lead.touch("2024-01-08 09:20"))
    assert engine.types()[-4:] == [
        "first_touch.met_late",
        "first_touch.retracted",
        "first_touch.retracted",
        "first_touch.met",
    ]
    taken_back = [each for each in engine.said if isinstance(each, sla.ObligationRetracted)]
    assert [each.retracted_type for each in taken_back] == ["obligation.breached", "obligation.met_late"]
    assert taken_back[0].retracts == breach.id
    assert "kept Mon 2024-01-08 09:20 (UTC)" in taken_back[0].reason
    assert ("obligation.met", "first_touch", 1, utc("2024-01-08 09:20"), "") in net(engine.said)


def test_a_redelivery_says_nothing_twice(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    before = len(engine.said)
    assert engine.receive(utc("2024-01-08 10:05"), *lead.events) == []
    assert len(engine.said) == before


def test_the_same_inputs_give_the_same_ids(lead: Lead) -> None:
    engines = [Engine(agreement()) for _ in range(2)]
    owned(engines[0], lead)
    engines[1].receive(utc("2024-01-08 10:00:01"), *reversed(lead.events))
    for each in engines:
        each.look(utc("2024-01-08 10:15:30"))
    assert [each.id for each in engines[0].said] == [each.id for each in engines[1].said]
    assert len({each.id for each in engines[0].said}) == len(engines[0].said)


def test_after_an_outage_one_late_breach_and_no_missed_warnings(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    said = engine.look(utc("2024-01-08 14:00"))
    assert [sla.event_type(each) for each in said] == ["obligation.breached"]
    assert said[0].late
    assert said[0].occurred_at == utc("2024-01-08 10:15")


def test_after_an_outage_before_the_deadline_only_the_last_warning_is_given(lead: Lead) -> None:
    engine = Engine(agreement(warnings='"20%", "40%", "80%", "90%"'))
    owned(engine, lead)
    said = engine.look(utc("2024-01-08 10:13"))
    assert [getattr(each, "warning", None) for each in said] == ["80%"]
    assert engine.look(utc("2024-01-08 10:13:01")) == []
    assert engine.wake(utc("2024-01-08 10:13:01")) == utc("2024-01-08 10:13:30")


def test_a_warning_due_while_settling_is_not_given_any_more(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    assert engine.look(utc("2024-01-08 10:15:05")) == []


def test_a_warning_given_before_a_touch_was_known_is_taken_back(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.look(utc("2024-01-08 10:11:15"))
    engine.receive(utc("2024-01-08 10:12"), lead.touch("2024-01-08 10:05"))
    assert engine.types()[-3:] == ["first_touch.at_risk", "first_touch.retracted", "first_touch.met"]


def test_a_clock_that_never_ran_is_taken_back_with_all_that_was_said_of_it(engine: Engine, lead: Lead) -> None:
    engine.receive(utc("2024-01-08 10:01"), lead.stage("2024-01-08 10:00"))
    engine.sleep_until(utc("2024-01-08 12:00"), utc("2024-01-08 10:01"))
    assert engine.types() == ["handoff.opened", "handoff.at_risk", "handoff.breached"]
    engine.receive(utc("2024-01-08 13:00"), lead.stage("2024-01-08 09:00"), lead.owner("2024-01-08 09:00", MAX))
    assert ("obligation.met", "handoff", 1, utc("2024-01-08 09:00"), "") in net(engine.said)
    assert ("obligation.breached", "handoff", 1, utc("2024-01-08 11:00"), "") not in net(engine.said)


def test_a_promise_announced_again_after_being_taken_back_has_a_new_id(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.look(utc("2024-01-08 10:15:30"))
    call = lead.touch("2024-01-08 10:10", activity="call-1", written="2024-01-08 10:20")
    engine.receive(utc("2024-01-08 10:20"), call)
    mistaken = lead.touch("2024-01-08 10:10", activity="call-1", written="2024-01-08 10:30", completed=False)
    engine.receive(utc("2024-01-08 10:30"), mistaken)
    ids = [each.id for each in engine.said if isinstance(each, sla.ObligationBreached)]
    assert len(ids) == len(set(ids)) == 2
    assert ("obligation.breached", "first_touch", 1, utc("2024-01-08 10:15"), "") in net(engine.said)


def test_a_merged_lead_stops_its_alerts(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.receive(utc("2024-01-08 10:06"), lead.merged("2024-01-08 10:05", "crm:acc:lead-9"))
    cancelled = engine.said[-1]
    assert isinstance(cancelled, sla.ObligationCancelled)
    assert cancelled.reason == "merged into crm:acc:lead-9"
    assert engine.wake(utc("2024-01-08 10:06")) is None


def test_a_clock_taken_out_of_the_agreement_is_cancelled_and_closed_ones_stay(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.apply(agreement(more="    enabled: false\n"), utc("2024-01-08 10:04"))
    said = engine.look(utc("2024-01-08 10:05"))
    assert [(each.clock, sla.event_type(each)) for each in said] == [("first_touch", "obligation.cancelled")]
    assert "no longer promises" in said[0].summary
    assert said[0].occurred_at == utc("2024-01-08 10:04")
    assert engine.look(utc("2024-01-08 12:00")) == []


def test_what_closed_under_another_version_never_changes(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.receive(utc("2024-01-08 10:12"), lead.touch("2024-01-08 10:12"))
    assert engine.types()[-1] == "first_touch.met"
    looser = agreement(more="    settle: 0s\n", warnings='"10%"', handoff="default: 2h")
    stricter = agreement(more="    name: Reach out\n", calendar="always")
    for at, by in (("2024-01-08 11:00", looser), ("2024-01-08 11:30", stricter)):
        engine.apply(by, utc(at))
        assert engine.look(utc("2024-01-08 12:00")) == []
        assert engine.wake(utc("2024-01-08 12:00")) is None


def test_a_recomputed_deadline_takes_back_the_breach_and_says_under_which_agreement(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.sleep_until(utc("2024-01-08 10:30"), utc("2024-01-08 10:00:01"))
    assert engine.types()[-1] == "first_touch.breached"
    longer = agreement(touch="Enterprise: 1h, default: 1h")
    engine.apply(longer, utc("2024-01-08 10:30"))
    said = engine.look(utc("2024-01-08 10:30"))
    assert {each.retracted_type for each in said if isinstance(each, sla.ObligationRetracted)} == {
        "obligation.at_risk",
        "obligation.breached",
    }
    assert {each.agreement_version for each in said} == {longer.version}
    assert f"by the agreement {longer.version}" in said[0].summary
    engine.sleep_until(utc("2024-01-08 12:00"), utc("2024-01-08 10:30"))
    assert engine.types()[-2:] == ["first_touch.at_risk", "first_touch.breached"]
    assert engine.said[-1].occurred_at == utc("2024-01-08 11:00")


def test_a_lead_is_looked_at_when_an_edition_comes_into_force(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.apply(agreement(more="    enabled: false\n"), utc("2024-01-08 10:04"))
    assert engine.look(utc("2024-01-08 10:03")) == []
    assert engine.wake(utc("2024-01-08 10:03")) == utc("2024-01-08 10:04")


def test_what_only_a_stale_edition_promised_is_taken_back(lead: Lead) -> None:
    """An engine that had not heard of the new edition yet took in a lead that qualified after it was applied."""
    engine = Engine(agreement())
    owned(engine, lead, "2024-01-08 10:05")
    engine.apply(agreement(more="    enabled: false\n"), utc("2024-01-08 10:04"))
    [taken_back] = engine.look(utc("2024-01-08 10:06"))
    assert isinstance(taken_back, sla.ObligationRetracted)
    assert (taken_back.clock, taken_back.reason) == ("first_touch", "nobody promised it then, as is known now")


def test_a_deadline_in_real_time_of_the_new_owner_is_announced_there(engine: Engine, lead: Lead) -> None:
    owned(engine, lead)
    engine.receive(utc("2024-01-08 10:05"), lead.owner("2024-01-08 10:05", EVA))  # Eva works from 13:00
    engine.sleep_until(utc("2024-01-08 18:00"), utc("2024-01-08 10:05"))
    breach = engine.said[-1]
    assert breach.occurred_at == utc("2024-01-08 13:10")
    assert breach.summary.endswith(
        "Max Muster has held the lead for 5 min of business time; "
        "Eva Example has held the lead for 10 min of business time."
    )


def test_a_fact_ahead_of_the_clock_is_waited_for(engine: Engine, lead: Lead) -> None:
    engine.receive(utc("2024-01-08 10:00"), lead.stage("2024-01-08 10:00:03"))
    assert engine.said == []
    assert engine.wake(utc("2024-01-08 10:00")) == utc("2024-01-08 10:00:03")


def test_nothing_announced_is_small_and_round_trips() -> None:
    assert Announced.from_bytes(Announced().to_bytes()) == Announced()


def test_a_breach_that_came_of_a_wrong_mapping_is_taken_back_after_the_replay(engine: Engine, lead: Lead) -> None:
    lead.created("2024-01-08 10:00")
    wrong = lead.stage("2024-01-08 10:00", "mql")
    engine.receive(utc("2024-01-08 10:00:01"), *lead.events)
    engine.sleep_until(utc("2024-01-08 12:00"), utc("2024-01-08 10:00:01"))
    assert engine.types()[-1] == "handoff.breached"
    corrected = msgspec.structs.replace(wrong, stage="subscriber", reading=1)
    said = engine.receive(utc("2024-01-08 12:00"), corrected)
    assert {event.retracted_type for event in said if isinstance(event, sla.ObligationRetracted)} == {
        "obligation.opened",
        "obligation.at_risk",
        "obligation.breached",
    }


def test_a_breach_names_whom_the_rule_charges_where_that_is_not_who_holds_it() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.owner("2024-01-08 10:00", MAX)
    lead.owner("2024-01-08 10:50", EVA)
    engine = Engine(agreement(calendar="always", more="    blame: first_holder\n"))
    breach = next(
        each
        for each in engine.receive(utc("2024-01-08 12:00"), *lead.events)
        if isinstance(each, sla.ObligationBreached)
    )
    assert (breach.holder.id, [each.holder.id for each in breach.holders]) == ("max", ["max", "eva"])
    assert breach.holders[-1].to == breach.deadline, "holders up to the deadline, whoever holds it now"
    assert breach.summary.endswith("Eva Example has held the lead for 10 min of business time; charged to Max Muster.")
