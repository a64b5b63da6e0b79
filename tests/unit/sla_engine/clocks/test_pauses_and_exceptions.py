"""Pauses, exceptions, absences, and who held it. docs/clocks.md, "Pauses, absences, exceptions"; domain.md 5."""

import pytest

from shared.events.sla import ObligationBreached, ObligationExcused, ObligationRetracted
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.instants import to_us
from sla_engine.domain.obligation import Obligation, State
from tests.support.declared_clocks import declared, promise, run, runs
from tests.support.story_builder import EVA, MAX, QUEUE, Engine, Lead, utc

MINUTE_US = 60_000_000
HELD = "pause: {attribute: hold, equals: true}"
OFFICE_10_18 = 'monday-friday: "10:00-18:00"'


def paused(start: str, *holds: tuple[str, str | None]) -> Lead:
    """A lead that qualified, with stretches in which it is on hold."""
    lead = Lead()
    lead.stage(start)
    for from_, to in holds:
        lead.knows(from_, hold=True)
        if to is not None:
            lead.knows(to, hold=False)
    return lead


# -- pauses of the lead itself ----------------------------------------


@pytest.mark.parametrize(
    ("resumed", "deadline"),
    [
        pytest.param("2024-01-11 16:30:00", "2024-01-11 18:00:00", id="3600 s"),
        pytest.param("2024-01-11 16:30:01", "2024-01-12 10:00:01", id="3601 s"),
    ],
)
def test_the_worked_case_of_a_pause(resumed: str, deadline: str) -> None:
    by = promise(
        f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}, targets: {{default: 2h}}, calendar: team",
        office=OFFICE_10_18,
    )
    lead = paused("2024-01-11 15:00", ("2024-01-11 15:30", resumed))
    assert run(lead, by, resumed).deadline == utc(deadline)


def test_a_pause_outside_business_hours_takes_nothing() -> None:
    by = promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}, targets: {{default: 2h}}, calendar: team")
    lead = paused("2024-01-08 16:00", ("2024-01-08 18:00", "2024-01-09 09:00"))
    assert run(lead, by, "2024-01-09 09:30").deadline == utc("2024-01-09 10:00")


BY_EVENT = "start: {qualified: true}, stop: {touch: {}}, pause: {event: lead.accepted}, resume: {event: lead.disposed}"


def test_a_pause_by_an_event_lasts_until_its_resume() -> None:
    lead = Lead()
    lead.stage("2024-01-08 09:00")
    lead.accepted("2024-01-08 09:20")
    lead.accepted("2024-01-08 09:30")  # paused already
    lead.disposed("2024-01-08 10:00", "qualified")
    lead.disposed("2024-01-08 10:10", "qualified")
    found = run(lead, promise(BY_EVENT), "2024-01-08 10:20")
    assert found.deadline == utc("2024-01-08 10:40")
    assert [(each.from_us, each.to_us) for each in found.pauses] == [
        (to_us(utc("2024-01-08 09:20")), to_us(utc("2024-01-08 10:00")))
    ]


def test_while_it_lasts_nothing_is_broken_and_the_deadline_is_told_as_if_it_had_resumed_at_once() -> None:
    by = promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}")
    lead = paused("2024-01-08 09:00", ("2024-01-08 09:20", None))
    found = run(lead, by, "2024-01-09 09:00")
    assert (found.state, found.deadline) == (State.PAUSED, utc("2024-01-08 10:00"))
    assert found.breach is None
    assert found.business_us == 20 * MINUTE_US, "no time counts"
    assert found.wall_us == 24 * 60 * MINUTE_US, "the wall clock runs on"


def test_what_was_broken_before_the_pause_stays_broken() -> None:
    by = promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}")
    lead = paused("2024-01-08 09:00", ("2024-01-08 10:30", None))
    assert run(lead, by, "2024-01-08 11:00").state is State.BREACHED


def test_one_that_ends_while_paused_is_measured_as_if_it_had_resumed_at_its_end() -> None:
    by = promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}")
    lead = paused("2024-01-08 09:00", ("2024-01-08 09:20", None))
    lead.touch("2024-01-08 12:00")
    found = run(lead, by, "2024-01-08 13:00")
    assert (found.state, found.business_us) == (State.MET, 20 * MINUTE_US)


def test_several_pauses_add_up() -> None:
    by = promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}")
    lead = paused(
        "2024-01-08 09:00", ("2024-01-08 09:10", "2024-01-08 09:20"), ("2024-01-08 09:30", "2024-01-08 10:00")
    )
    found = run(lead, by, "2024-01-08 10:10")
    assert (found.deadline, found.business_us) == (utc("2024-01-08 10:40"), 30 * MINUTE_US)


def test_no_time_of_the_wall_clocks_target_counts_either() -> None:
    by = promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}, targets: {{default: 1h wall}}")
    lead = paused("2024-01-08 20:00", ("2024-01-08 20:10", "2024-01-08 20:40"))
    assert run(lead, by, "2024-01-08 20:50").deadline == utc("2024-01-08 21:30")


def test_a_computed_instant_moves_by_the_open_time_of_the_pause() -> None:
    by = promise(
        f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}, "
        "targets: {default: next business day 10:00}, calendar: team"
    )
    over_night = paused("2024-01-08 16:00", ("2024-01-08 16:30", "2024-01-09 09:15"))
    assert run(over_night, by, "2024-01-09 09:30").deadline == utc("2024-01-09 10:45")
    closed = paused("2024-01-08 16:00", ("2024-01-08 18:00", "2024-01-09 08:00"))
    assert run(closed, by, "2024-01-09 09:30").deadline == utc("2024-01-09 10:00")


def test_a_pause_around_an_instant_in_a_closed_hour_moves_it_only_if_it_took_open_time_before() -> None:
    by = promise(
        f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}, "
        "targets: {default: next business day 20:00}, calendar: team"
    )
    after_hours = paused("2024-01-08 16:00", ("2024-01-09 18:00", "2024-01-10 10:00"))
    assert run(after_hours, by, "2024-01-10 12:00").deadline == utc("2024-01-09 20:00"), "it stands"
    since_four = paused("2024-01-08 15:00", ("2024-01-09 16:00", "2024-01-10 10:00"))
    assert run(since_four, by, "2024-01-10 12:00").deadline == utc("2024-01-10 11:00"), "two hours on, open ones"


def test_where_no_resume_is_declared_the_state_at_the_end_of_the_instant_decides() -> None:
    by = promise("start: {qualified: true}, stop: {touch: {}}, pause: {owner_kind: [queue, nobody]}")
    lead = Lead()
    lead.stage("2024-01-08 09:00")
    lead.owner("2024-01-08 09:00", MAX)
    assert run(lead, by, "2024-01-08 09:10").state is State.ON_TRACK, "born with an owner"
    lead.owner("2024-01-08 09:20", QUEUE)
    lead.knows("2024-01-08 09:50", x=1)
    lead.owner("2024-01-08 09:50", EVA)
    found = run(lead, by, "2024-01-08 10:00")
    assert (found.state, found.deadline) == (State.ON_TRACK, utc("2024-01-08 10:30"))


def test_an_excused_promise_has_no_pauses_after_its_deadline() -> None:
    by = promise(f"{CLOCK}, {HELD}", exception("excuse", "2024-01-08", "2024-01-08"))
    lead = owned()
    lead.knows("2024-01-08 11:00", hold=True)
    assert run(lead, by, "2024-01-08 12:00").pauses == ()


def test_a_pause_is_nobodys_time() -> None:
    by = promise(f"start: {{owner_kind: person}}, stop: {{touch: {{}}}}, {HELD}, targets: {{default: 5h}}")
    lead = paused("2024-01-08 09:00", ("2024-01-08 09:30", "2024-01-08 11:00"))
    lead.owner("2024-01-08 09:00", MAX)
    lead.owner("2024-01-08 10:00", EVA)
    found = run(lead, by, "2024-01-08 12:00")
    assert [(each.holder.id, each.business_us // MINUTE_US, each.wall_us // MINUTE_US) for each in found.holders] == [
        ("max", 30, 60),
        ("eva", 60, 120),
    ]


def test_nothing_is_announced_while_paused_and_the_breach_comes_at_the_later_deadline() -> None:
    engine = Engine(promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}, settle: 0s"))
    lead = paused("2024-01-08 09:00", ("2024-01-08 09:20", None))
    engine.receive(utc("2024-01-08 09:20"), *lead.events)
    assert engine.wake(utc("2024-01-08 09:20")) is None
    engine.sleep_until(utc("2024-01-10 00:00"), utc("2024-01-08 09:20"))
    assert engine.types() == ["promise.opened"]
    engine.receive(utc("2024-01-10 09:00"), lead.knows("2024-01-10 09:00", hold=False))
    engine.sleep_until(utc("2024-01-11 00:00"), utc("2024-01-10 09:00"))
    breach = next(each for each in engine.said if isinstance(each, ObligationBreached))
    assert breach.occurred_at == utc("2024-01-10 09:40")


def test_a_pause_at_the_very_deadline_comes_too_late_and_the_breach_is_told() -> None:
    engine = Engine(promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}, settle: 0s"))
    lead = paused("2024-01-08 09:00", ("2024-01-08 10:00", None))
    engine.receive(utc("2024-01-08 10:00"), *lead.events)
    engine.sleep_until(utc("2024-01-08 12:00"), utc("2024-01-08 10:00"))
    assert engine.types() == ["promise.opened", "promise.breached"]


def test_a_pause_heard_of_late_takes_the_alarm_back() -> None:
    engine = Engine(promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, {HELD}"))
    lead = paused("2024-01-08 09:00")
    engine.receive(utc("2024-01-08 09:00"), *lead.events)
    engine.sleep_until(utc("2024-01-08 11:00"), utc("2024-01-08 09:00"))
    assert engine.types()[-1] == "promise.breached"
    engine.receive(utc("2024-01-08 11:00"), lead.knows("2024-01-08 09:30", hold=True))
    assert engine.types()[-1] == "promise.retracted"


# -- exceptions ----------------------------------------


def exception(effect: str, from_: str, to: str, more: str = "") -> str:
    window = f'from: "{from_}", to: "{to}", effect: {effect}, why: HubSpot was down, by: Maria'
    return f"exceptions:\n  - {{{window}{', ' if more else ''}{more}}}\n"


CLOCK = "start: {owner_kind: person}, stop: {touch: {}}"


def owned(at: str = "2024-01-08 09:00", source: str = "crm") -> Lead:
    lead = Lead(source=source)
    lead.stage(at)
    lead.owner(at, MAX)
    return lead


def test_a_window_that_pauses_moves_the_deadline_by_what_it_took() -> None:
    by = promise(CLOCK, exception("pause", "2024-01-08 09:20", "2024-01-08 09:50"))
    found = run(owned(), by, "2024-01-08 10:00")
    assert found.deadline == utc("2024-01-08 10:30")
    assert [(each.reason, each.author) for each in found.pauses] == [("HubSpot was down", "Maria")]


def test_it_pauses_only_for_holders_of_the_teams_that_it_names() -> None:
    by = promise(CLOCK, exception("pause", "2024-01-08 09:00", "2024-01-08 09:40", "teams: [Outside]"))
    lead = owned()
    assert run(lead, by, "2024-01-08 09:50").deadline == utc("2024-01-08 10:00")
    lead.owner("2024-01-08 09:20", EVA)
    assert run(lead, by, "2024-01-08 09:50").deadline == utc("2024-01-08 10:20"), "twenty minutes of it were Eva's"


@pytest.mark.parametrize(
    ("from_", "to", "state"),
    [
        pytest.param("2024-01-08 09:30", "2024-01-08 10:00", State.EXCUSED, id="ends at the deadline"),
        pytest.param("2024-01-08 10:00", "2024-01-08 11:00", State.EXCUSED, id="begins at the deadline"),
        pytest.param("2024-01-08 10:01", "2024-01-08 11:00", State.BREACHED, id="begins after it"),
        pytest.param("2024-01-08 09:30", "2024-01-08 09:59", State.BREACHED, id="ends before it"),
        pytest.param("2024-01-08", "2024-01-08", State.EXCUSED, id="the whole day"),
    ],
)
def test_a_miss_is_excused_whose_deadline_lies_in_the_window_both_ends_included(
    from_: str, to: str, state: State
) -> None:
    found = run(owned(), promise(CLOCK, exception("excuse", from_, to)), "2024-01-08 12:00")
    assert found.state is state
    if state is State.EXCUSED:
        assert found.excuse is not None
        assert (found.excuse.reason, found.excuse.author, found.breach) == ("HubSpot was down", "Maria", None)
        assert found.stopped_at == utc("2024-01-08 10:00"), "it was over at its deadline"


def test_a_promise_that_was_kept_needs_no_excuse_and_a_miss_that_was_cancelled_is_excused() -> None:
    by = promise(CLOCK, exception("excuse", "2024-01-08", "2024-01-08"))
    kept, late, cancelled = owned(), owned(), owned()
    kept.touch("2024-01-08 10:00")
    late.touch("2024-01-08 10:30")
    cancelled.merged("2024-01-08 10:30")
    assert [run(lead, by, "2024-01-08 12:00").state for lead in (kept, late, cancelled)] == [
        State.MET,
        State.EXCUSED,
        State.EXCUSED,
    ]


FILTERS = """
promise: {start: {owner_kind: person}, stop: {touch: {}}, targets: {Large: 1h, default: 1h}, calendar: always}
other: {start: {owner_kind: person}, stop: {touch: {}}, targets: {default: 1h}, calendar: always}
"""


@pytest.mark.parametrize(
    ("said", "excused"),
    [
        ("clocks: [promise]", True),
        ("clocks: [other]", False),
        ("teams: [Inside]", True),
        ("teams: [Outside]", False),
        ("sources: [crm]", True),
        ("sources: [hubspot]", False),
        ("segments: [default]", True),
        ("segments: [Large]", False),
        ("clocks: [promise], teams: [Inside], sources: [crm], segments: [default]", True),
        ("clocks: [promise], teams: [Outside]", False),
    ],
)
def test_an_exception_may_be_for_some_promises_only(said: str, excused: bool) -> None:
    by = declared(FILTERS, exception("excuse", "2024-01-08", "2024-01-08", said))
    lead = owned()
    lead.owner("2024-01-08 10:30", EVA)  # after the deadline: who holds it then does not count
    assert (run(lead, by, "2024-01-08 12:00").state is State.EXCUSED) is excused


def test_rounds_and_chains_go_by_the_facts_whatever_is_excused() -> None:
    clocks = """
promise: {start: {stage: [mql]}, stop: {event: lead.converted}, reset: {touch: {}}, times: any, targets: {default: 1h}}
after: {start: {ended: promise}, stop: {event: lead.converted}, targets: {default: 1h}}
"""
    by = declared(clocks, exception("excuse", "2024-01-08", "2024-01-08"))
    lead = owned()
    lead.touch("2024-01-08 12:00")
    assert [each.state for each in runs(lead, by, "2024-01-08 12:10")] == [State.EXCUSED, State.ON_TRACK]
    assert run(lead, by, "2024-01-08 12:10", "after").started_at == utc("2024-01-08 12:00")


def test_declared_beforehand_nobody_hears_of_a_breach_but_of_the_excuse() -> None:
    engine = Engine(promise(CLOCK, exception("excuse", "2024-01-08", "2024-01-08")))
    engine.receive(utc("2024-01-08 09:00"), *owned().events)
    engine.sleep_until(utc("2024-01-09 00:00"), utc("2024-01-08 09:00"))
    assert engine.types() == ["promise.opened", "promise.excused"]
    excused = engine.said[-1]
    assert isinstance(excused, ObligationExcused)
    assert "HubSpot was down" in str(excused)


def test_declared_afterwards_the_breach_is_taken_back_with_the_reason() -> None:
    engine = Engine(promise(CLOCK))
    engine.receive(utc("2024-01-08 09:00"), *owned().events)
    engine.sleep_until(utc("2024-01-08 12:00"), utc("2024-01-08 09:00"))
    assert engine.types() == ["promise.opened", "promise.breached"]
    engine.apply(promise(CLOCK, exception("excuse", "2024-01-08", "2024-01-08")), utc("2024-01-09 09:00"))
    engine.look(utc("2024-01-09 09:00"))
    assert engine.types()[2:] == ["promise.retracted", "promise.excused"]
    retraction = next(each for each in engine.said if isinstance(each, ObligationRetracted))
    assert retraction.reason == "it is excused by Maria: HubSpot was down"


def test_an_exception_that_is_withdrawn_lets_the_breach_stand_again() -> None:
    engine = Engine(promise(CLOCK, exception("excuse", "2024-01-08", "2024-01-08")))
    engine.receive(utc("2024-01-08 09:00"), *owned().events)
    engine.sleep_until(utc("2024-01-08 12:00"), utc("2024-01-08 09:00"))
    engine.apply(promise(CLOCK), utc("2024-01-09 09:00"))
    engine.look(utc("2024-01-09 09:00"))
    assert engine.types()[2:] == ["promise.retracted", "promise.breached"]


# -- absences ----------------------------------------


AWAY = 'absences: [{from: 2024-01-09, to: 2024-01-10}, {from: "2024-01-12 09:00", to: "2024-01-12 12:00", why: doctor}]'


@pytest.mark.parametrize(
    ("at", "deadline"),
    [
        ("2024-01-08 16:30", "2024-01-11 09:30"),
        ("2024-01-09 12:00", "2024-01-11 10:00"),
        ("2024-01-11 16:30", "2024-01-12 12:30"),
    ],
)
def test_absences_close_the_persons_own_calendar(at: str, deadline: str) -> None:
    by = promise(f"{CLOCK}, calendar: owner", of_max=AWAY)
    assert run(owned(at), by, at).deadline == utc(deadline)


def test_they_do_not_close_the_teams() -> None:
    by = promise(f"{CLOCK}, calendar: team", of_max=AWAY)
    assert run(owned("2024-01-08 16:30"), by, "2024-01-08 16:30").deadline == utc("2024-01-09 09:30")


def test_they_are_by_the_clocks_of_the_person() -> None:
    by = promise(f"{CLOCK}, calendar: owner", of_max=f"zone: Asia/Tokyo, {AWAY}")
    lead = owned("2024-01-08 00:00")  # 09:00 in Tokyo
    assert run(lead, by, "2024-01-08 00:00").deadline == utc("2024-01-08 01:00")
    late = owned("2024-01-08 07:30")  # 16:30 in Tokyo, the day before the absence
    assert run(late, by, "2024-01-08 07:30").deadline == utc("2024-01-11 00:30")


# -- who held it, and who is charged ----------------------------------------


def charged(blame: str, *turns: tuple[str, object], by: Agreement | None = None) -> Obligation:
    lead = Lead()
    lead.stage("2024-01-08 09:00")
    for at, owner in turns:
        lead.owner(at, owner)  # type: ignore[arg-type] # an owner or None
    pact = by or promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, targets: {{default: 2h}}, blame: {blame}")
    return run(lead, pact, "2024-01-08 12:00")


TURNS = (("2024-01-08 09:10", MAX), ("2024-01-08 10:00", EVA), ("2024-01-08 10:30", MAX), ("2024-01-08 10:45", EVA))


@pytest.mark.parametrize(
    ("blame", "who"), [("holder_at_deadline", "eva"), ("longest_holder", "max"), ("first_holder", "marketing")]
)
def test_a_miss_is_charged_by_the_rule_that_the_agreement_names(blame: str, who: str) -> None:
    found = charged(blame, *TURNS)
    assert found.breach is not None
    assert found.breach.holder.id == who
    held = [(each.holder.id, each.business_us // MINUTE_US) for each in found.breach.holders]
    assert held == [("marketing", 10), ("max", 50), ("eva", 30), ("max", 15), ("eva", 15)]


def test_of_equals_the_later_is_charged() -> None:
    found = charged("longest_holder", ("2024-01-08 09:00", MAX), ("2024-01-08 10:00", EVA))
    assert found.breach is not None
    assert found.breach.holder.id == "eva"


def test_only_business_time_counts_for_the_longest() -> None:
    by = promise(
        "start: {owner_kind: person}, stop: {touch: {}}, targets: {default: 2h}, calendar: owner, blame: longest_holder"
    )
    found = charged("", ("2024-01-08 09:00", EVA), ("2024-01-08 12:00", MAX), by=by)  # Eva works from 13:00
    assert found.state is State.ON_TRACK
    later = charged("", ("2024-01-08 09:00", EVA), ("2024-01-08 09:30", MAX), by=by)
    assert later.breach is not None
    assert (later.breach.holder.id, later.deadline) == ("max", utc("2024-01-08 11:30"))


def test_escalation_goes_to_the_team_of_who_is_charged() -> None:
    found = charged("first_holder", ("2024-01-08 09:00", EVA), ("2024-01-08 09:30", MAX))
    assert found.breach is not None
    assert found.breach.escalation is not None
    assert found.breach.escalation.team == "Outside"


def test_the_agreement_may_say_it_for_all_clocks_and_a_clock_for_itself() -> None:
    said = "start: {qualified: true}, stop: {touch: {}}, targets: {default: 2h}"
    term = "{from: 2024-01-01}, blame: first_holder"
    for clock, who in ((said, "marketing"), (f"{said}, blame: holder_at_deadline", "eva")):
        found = charged("", *TURNS, by=promise(clock, term=term))
        assert found.breach is not None
        assert found.breach.holder.id == who


def test_of_several_owners_at_one_instant_the_last_holds_it_also_where_the_run_ends_in_it() -> None:
    by = promise("start: {qualified: true}, stop: {stage: [sal]}, calendar: owner")
    lead = Lead()
    lead.stage("2024-01-08 14:00")
    lead.stage("2024-01-08 14:30", "sal")
    lead.owner("2024-01-08 14:30", MAX)
    lead.owner("2024-01-08 14:30", EVA)
    assert [each.holder.id for each in run(lead, by, "2024-01-08 15:00").holders] == ["marketing"]
    assert run(lead, by, "2024-01-08 15:00").state is State.MET


def test_marketing_or_a_team_holds_it_throughout_where_the_clock_says_so() -> None:
    for by, holder in (("marketing", "Marketing"), ("Outside", "Outside")):
        pact = promise(f"start: {{qualified: true}}, stop: {{touch: {{}}}}, held_by: {by}")
        found = charged("", ("2024-01-08 09:10", MAX), ("2024-01-08 09:20", QUEUE), by=pact)
        assert [each.holder.name for each in found.holders] == [holder]


def test_holders_have_business_and_wall_time() -> None:
    by = promise("start: {qualified: true}, stop: {touch: {}}, targets: {default: 20h}, calendar: team")
    lead = Lead()
    lead.stage("2024-01-08 16:00")
    lead.owner("2024-01-08 20:00", MAX)
    found = run(lead, by, "2024-01-09 10:00")
    assert [
        (each.holder.name, each.business_us // MINUTE_US, each.wall_us // MINUTE_US, each.to_us is None)
        for each in found.holders
    ] == [("Marketing", 60, 240, False), ("Max Muster", 60, 840, True)]
