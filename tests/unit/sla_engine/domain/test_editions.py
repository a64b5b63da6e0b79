"""Editions of an agreement, sentence by sentence of docs/clocks.md."""

import dataclasses
import functools
from datetime import datetime

import pytest

from sla_engine.domain import editions as editions_module
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.editions import Edition, Editions, OpenChoice, judge_under
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from sla_engine.domain.judgement import judge
from sla_engine.domain.obligation import Obligation, State, Verdict
from tests.support.story_builder import EVA, MAX, QUEUE, Lead, agreement, clock, utc

APPLIED = "2024-01-08 12:00"


@functools.cache
def pact(target: str = "1h", *, version: int = 1, only: str = "both", handoff: str = "default: 1h") -> Agreement:
    """Both clocks around the clock, or one of them; the default target of the first touch is `target`."""
    whole = agreement(calendar="always", warnings='"75%"', handoff=handoff, touch=f"Enterprise: 15m, default: {target}")
    return version_of(whole, version, only)


def version_of(whole: Agreement, version: int, only: str = "both") -> Agreement:
    """The agreement under another version, with one clock only if so said."""
    clocks = tuple(each for each in whole.clocks if only in ("both", each.id))
    return dataclasses.replace(whole, version=f"{version}+test", clocks=clocks)


def editions(*more: tuple[str, Agreement, OpenChoice], first: Agreement | None = None) -> Editions:
    """A first edition, and others with their instants."""
    made = Editions.only(first or pact())
    for at, by, choice in more:
        made = made.followed_by(by, applied_us=to_us(utc(at)), open_=choice)
    return made


def waiting(at: str = "2024-01-08 11:30") -> Lead:
    """Qualified and owned at `at`; nobody has touched it."""
    lead = Lead()
    lead.stage(at)
    lead.owner(at)
    return lead


def judged(lead: Lead, by: Editions, now: str) -> Verdict:
    return judge_under(History.of(lead.events), by, utc(now))


def touch_of(lead: Lead, by: Editions, now: str) -> Obligation:
    return clock(judged(lead, by, now), "first_touch")


CHOICES = list(OpenChoice)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_run_belongs_at_first_to_the_edition_in_force_at_its_start(choice: OpenChoice) -> None:
    by = editions((APPLIED, pact("2h", version=2), choice))
    early = waiting("2024-01-08 11:00")
    early.touch("2024-01-08 11:10")
    assert touch_of(early, by, "2024-01-08 13:00").agreement_version == "1+test"
    at_once, later = waiting(APPLIED), waiting("2024-01-08 12:01")
    for lead in (at_once, later):
        found = touch_of(lead, by, "2024-01-08 12:30")
        assert (found.agreement_version, found.target_us) == ("2+test", 2 * 3600 * 1_000_000)


def test_the_first_edition_applies_from_the_beginning_of_time() -> None:
    first = Edition(number=1, agreement=pact(), applied_us=to_us(utc("2024-01-08 11:59")))
    by = Editions(all=(first,)).followed_by(pact(version=2), applied_us=to_us(utc(APPLIED)), open_=OpenChoice.KEEP)
    lead = waiting("2024-01-08 09:00")
    assert touch_of(lead, by, "2024-01-08 13:00").agreement_version == "1+test"


def test_keep_leaves_an_open_run_where_it_is() -> None:
    by = editions((APPLIED, pact("2h", version=2), OpenChoice.KEEP))
    found = touch_of(waiting(), by, "2024-01-08 12:15")
    assert (found.deadline, found.agreement_version) == (utc("2024-01-08 12:30"), "1+test")


def test_recompute_judges_an_open_run_by_the_new_edition_from_its_start_on() -> None:
    by = editions((APPLIED, pact("2h", version=2), OpenChoice.RECOMPUTE))
    found = touch_of(waiting(), by, "2024-01-08 12:15")
    assert (found.deadline, found.agreement_version) == (utc("2024-01-08 13:30"), "2+test")
    assert found.started_at == utc("2024-01-08 11:30")


def test_recompute_may_break_a_promise_at_once_dated_at_its_new_deadline() -> None:
    by = editions((APPLIED, pact("10m", version=2), OpenChoice.RECOMPUTE))
    found = touch_of(waiting(), by, "2024-01-08 12:15")
    assert (found.state, found.deadline) == (State.BREACHED, utc("2024-01-08 11:40"))


def test_recompute_may_mend_a_promise_that_is_broken_and_not_done() -> None:
    lead = waiting("2024-01-08 10:00")
    assert touch_of(lead, editions(), "2024-01-08 11:59").state is State.BREACHED
    by = editions((APPLIED, pact("3h", version=2), OpenChoice.RECOMPUTE))
    assert touch_of(lead, by, "2024-01-08 12:10").state is State.ON_TRACK


@pytest.mark.parametrize("start", ["2024-01-08 10:00", "2024-01-08 11:20", "2024-01-08 11:59"])
def test_restart_starts_the_clock_anew_at_the_instant_of_applying_whatever_had_become_of_it(start: str) -> None:
    by = editions((APPLIED, pact("30m", version=2), OpenChoice.RESTART))
    for now in (APPLIED, "2024-01-08 12:30"):
        found = touch_of(waiting(start), by, now)
        assert (found.deadline, found.agreement_version) == (utc("2024-01-08 12:30"), "2+test")
        assert (found.started_at, found.breach) == (utc(start), None)
    late = touch_of(waiting(start), by, "2024-01-08 13:00")
    assert late.state is State.BREACHED
    assert [(each.name, each.at_us) for each in late.warnings] == [("75%", to_us(utc("2024-01-08 12:22:30")))]
    used_us = to_us(utc("2024-01-08 13:00")) - to_us(utc(start))
    assert (late.business_us, sum(each.business_us for each in late.holders)) == (used_us, used_us)


def test_restart_leaves_the_clock_with_whoever_holds_it_then() -> None:
    by = editions((APPLIED, pact("30m", version=2), OpenChoice.RESTART))
    lead = waiting("2024-01-08 11:30")
    lead.owner("2024-01-08 11:45", EVA)
    lead.owner("2024-01-08 12:10", MAX)
    found = touch_of(lead, by, "2024-01-08 13:00")
    assert found.breach is not None
    assert (found.breach.holder.name, found.deadline) == ("Max Muster", utc("2024-01-08 12:30"))
    names = [each.holder.name for each in found.breach.holders]
    assert (names[0], names[-1], set(names[1:-1])) == ("Max Muster", "Max Muster", {"Eva Example"})


def test_a_run_that_was_started_anew_can_be_kept_recomputed_and_started_anew_once_more() -> None:
    again = "2024-01-08 12:20"
    first = (APPLIED, pact("30m", version=2), OpenChoice.RESTART)
    due = {
        choice: touch_of(
            waiting(), editions(first, (again, pact("1h", version=3), choice)), "2024-01-08 12:25"
        ).deadline
        for choice in OpenChoice
    }
    assert due == {
        OpenChoice.KEEP: utc("2024-01-08 12:30"),
        OpenChoice.RECOMPUTE: utc("2024-01-08 12:30"),
        OpenChoice.RESTART: utc("2024-01-08 13:20"),
    }
    kept = editions(first, (again, pact("1h", version=3), OpenChoice.KEEP))
    assert touch_of(waiting(), kept, "2024-01-08 12:25").agreement_version == "2+test"


def test_restart_of_what_was_done_in_the_new_edition_changes_nothing() -> None:
    """By the first edition only the owner's touch counts; by the second, anybody's: it was kept long ago."""
    strict = agreement(calendar="always", more="    touch: {by: owner}\n")
    by = editions((APPLIED, pact("2h", version=2), OpenChoice.RESTART), first=version_of(strict, 1))
    lead = waiting()
    lead.touch("2024-01-08 11:40", by="u-eva")
    found = touch_of(lead, by, "2024-01-08 12:15")
    assert (found.state, found.stopped_at) == (State.MET, utc("2024-01-08 11:40"))


def test_the_exceptions_of_the_newest_edition_apply_whatever_edition_a_run_belongs_to() -> None:
    outage = """
exceptions:
  - {from: "2024-01-08 10:30", to: "2024-01-08 11:30", effect: excuse, why: an outage, by: Mia}
"""
    excusing = version_of(agreement(calendar="always", more=outage), 2)
    lead = waiting("2024-01-08 10:00")
    lead.touch("2024-01-08 11:45")
    by = editions((APPLIED, excusing, OpenChoice.KEEP))
    found = touch_of(lead, by, "2024-01-08 12:15")
    assert (found.state, found.agreement_version) == (State.EXCUSED, "1+test")
    taken_back = by.followed_by(pact(version=3), applied_us=to_us(utc("2024-01-08 12:10")), open_=OpenChoice.KEEP)
    assert touch_of(lead, taken_back, "2024-01-08 12:15").state is State.MET_LATE
    window = (to_us(utc("2024-01-08 10:30")), to_us(utc("2024-01-08 11:30")))
    assert [by.changed_windows(mark) for mark in ("1 1+test", "2 2+test", None)] == [{window}, set(), {window}]
    assert taken_back.changed_windows("2 2+test") == {window}
    assert taken_back.changed_windows("1 1+test") == {window}, "judged by the second until the third was applied"


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("done", ["2024-01-08 11:40", "2024-01-08 11:59", APPLIED])
def test_what_was_done_by_then_never_changes(choice: OpenChoice, done: str) -> None:
    lead = waiting("2024-01-08 10:45")
    lead.touch(done)
    before = touch_of(lead, editions(), "2024-01-08 15:00")
    by = editions((APPLIED, pact("10m", version=2, only="handoff"), choice))
    assert touch_of(lead, by, "2024-01-08 15:00") == before


@pytest.mark.parametrize("choice", CHOICES)
def test_what_was_cancelled_by_then_never_changes(choice: OpenChoice) -> None:
    lead = waiting()
    lead.stage("2024-01-08 11:45", "recycled")
    before = touch_of(lead, editions(), "2024-01-08 15:00")
    assert before.state is State.CANCELLED
    assert touch_of(lead, editions((APPLIED, pact("1m", version=2), choice)), "2024-01-08 15:00") == before


@pytest.mark.parametrize("choice", CHOICES)
def test_a_clock_that_the_new_edition_lacks_is_cancelled_when_it_is_applied(choice: OpenChoice) -> None:
    by = editions((APPLIED, pact(version=2, only="handoff"), choice))
    lead = waiting()
    lead.touch("2024-01-08 12:10")
    found = touch_of(lead, by, "2024-01-08 12:15")
    assert (found.state, found.stopped_at) == (State.CANCELLED, utc(APPLIED))
    assert found.reason == "the agreement (2+test) no longer promises it"
    assert (found.agreement_version, found.stop_event, found.breach) == ("1+test", None, None)
    assert (found.business_us, found.wall_us) == (1800 * 1_000_000, 1800 * 1_000_000)
    assert [holding.to_us for holding in found.holders] == [to_us(utc(APPLIED))]


def test_a_promise_that_was_broken_when_its_clock_was_removed_stays_broken() -> None:
    by = editions((APPLIED, pact(version=2, only="handoff"), OpenChoice.KEEP))
    found = touch_of(waiting("2024-01-08 10:00"), by, "2024-01-08 12:15")
    assert (found.state, found.breached, found.deadline) == (State.CANCELLED, True, utc("2024-01-08 11:00"))


def test_warnings_that_never_came_are_no_warnings_of_a_cancelled_run() -> None:
    by = editions((APPLIED, pact(version=2, only="handoff"), OpenChoice.KEEP))
    assert touch_of(waiting("2024-01-08 11:10"), by, "2024-01-08 13:00").warnings != ()
    assert touch_of(waiting("2024-01-08 11:30"), by, "2024-01-08 13:00").warnings == ()


@pytest.mark.parametrize("choice", [OpenChoice.RECOMPUTE, OpenChoice.RESTART])
def test_a_run_that_the_new_edition_would_not_have_is_cancelled_as_if_its_clock_were_gone(choice: OpenChoice) -> None:
    by = editions((APPLIED, pact("none", version=2), choice))
    found = touch_of(waiting(), by, "2024-01-08 12:15")
    assert (found.state, found.stopped_at) == (State.CANCELLED, utc(APPLIED))


def test_keep_keeps_also_what_the_new_edition_would_not_promise() -> None:
    by = editions((APPLIED, pact("none", version=2), OpenChoice.KEEP))
    assert touch_of(waiting(), by, "2024-01-08 12:15").state is State.AT_RISK


@pytest.mark.parametrize("choice", CHOICES)
def test_nobody_promised_before_an_edition_what_only_it_would_have_promised(choice: OpenChoice) -> None:
    by = editions((APPLIED, pact(version=2), choice), first=pact(only="handoff"))
    assert {each.clock for each in judged(waiting(), by, "2024-01-08 12:15").obligations} == {"handoff"}


def test_a_run_of_a_new_clock_may_start_by_facts_after_the_instant_of_applying() -> None:
    by = editions((APPLIED, pact(version=2), OpenChoice.KEEP), first=pact(only="handoff"))
    lead = Lead()
    lead.stage("2024-01-08 11:30")
    lead.owner("2024-01-08 11:30", QUEUE)
    lead.owner("2024-01-08 12:10", MAX)
    found = touch_of(lead, by, "2024-01-08 12:15")
    assert (found.started_at, found.agreement_version) == (utc("2024-01-08 12:10"), "2+test")
    again = waiting("2024-01-08 11:30")
    again.stage("2024-01-08 12:05", "recycled")
    again.stage("2024-01-08 12:20")
    assert [
        each.cycle for each in judged(again, by, "2024-01-08 12:30").obligations if each.clock == "first_touch"
    ] == [2]


def test_a_removed_clock_does_not_come_back_to_a_run_that_was_cancelled() -> None:
    by = editions(
        (APPLIED, pact(version=2, only="handoff"), OpenChoice.RECOMPUTE),
        ("2024-01-08 12:10", pact(version=3), OpenChoice.RECOMPUTE),
    )
    found = touch_of(waiting(), by, "2024-01-08 12:15")
    assert (found.state, found.stopped_at, found.agreement_version) == (State.CANCELLED, utc(APPLIED), "1+test")


def test_each_later_edition_finds_the_run_where_the_one_before_left_it() -> None:
    second, third = pact("2h", version=2), pact("3h", version=3)
    kept_twice = editions((APPLIED, second, OpenChoice.KEEP), ("2024-01-08 12:10", third, OpenChoice.KEEP))
    assert touch_of(waiting(), kept_twice, "2024-01-08 12:15").agreement_version == "1+test"
    kept_then_moved = editions((APPLIED, second, OpenChoice.KEEP), ("2024-01-08 12:10", third, OpenChoice.RECOMPUTE))
    assert touch_of(waiting(), kept_then_moved, "2024-01-08 12:15").agreement_version == "3+test"
    moved_then_kept = editions((APPLIED, second, OpenChoice.RECOMPUTE), ("2024-01-08 12:10", third, OpenChoice.KEEP))
    assert touch_of(waiting(), moved_then_kept, "2024-01-08 12:15").agreement_version == "2+test"


def test_a_late_event_is_judged_by_the_edition_the_run_belongs_to() -> None:
    by = editions((APPLIED, pact("3h", version=2), OpenChoice.RECOMPUTE))
    lead = waiting("2024-01-08 10:00")
    assert touch_of(lead, by, "2024-01-08 12:15").agreement_version == "2+test"
    lead.touch("2024-01-08 11:30")
    found = touch_of(lead, by, "2024-01-08 12:15")
    assert (found.state, found.agreement_version) == (State.MET_LATE, "1+test")


def test_an_edition_that_is_not_in_force_yet_is_no_edition_yet() -> None:
    by = editions((APPLIED, pact("2h", version=2), OpenChoice.RECOMPUTE))
    found = judged(waiting(), by, "2024-01-08 11:59")
    assert clock(found, "first_touch").agreement_version == "1+test"
    assert found.next_fact_us == to_us(utc(APPLIED)), "the lead is looked at again when it comes into force"
    assert judged(waiting(), by, APPLIED).next_fact_us is None


def test_one_edition_is_judged_as_its_agreement() -> None:
    lead = waiting()
    lead.owner("2024-01-08 11:40", EVA)
    history, now = History.of(lead.events), utc("2024-01-08 12:15")
    assert judge_under(history, Editions.only(pact()), now) == judge(history, pact(), now)


def test_a_lead_that_came_after_the_newest_edition_is_judged_by_it_alone() -> None:
    by = editions((APPLIED, pact("2h", version=2), OpenChoice.KEEP))
    history, now = History.of(waiting("2024-01-08 12:05").events), utc("2024-01-08 12:15")
    assert judge_under(history, by, now) == judge(history, pact("2h", version=2), now)


def test_editions_stand_in_the_order_in_which_they_were_applied() -> None:
    by = editions((APPLIED, pact(version=2), OpenChoice.KEEP))
    with pytest.raises(ValueError, match="later than the one before"):
        by.followed_by(pact(version=3), applied_us=to_us(utc(APPLIED)), open_=OpenChoice.KEEP)
    with pytest.raises(ValueError, match="at least one"):
        Editions(all=())
    assert [each.mark for each in by.all] == ["1 1+test", "2 2+test"]
    assert by.known_at(to_us(utc("2024-01-08 11:59"))) == Editions(all=by.all[:1])
    assert by.known_at(to_us(utc(APPLIED))) is by
    assert by.by_version("1+test").version == "1+test"
    assert by.by_version("9+unknown").version == "2+test"


def test_editions_of_the_same_terms_are_judged_once_and_named_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only words and exceptions differ, as when outages are declared one after the other."""
    outage = 'exceptions:\n  - {from: "2024-01-05", to: "2024-01-05", effect: excuse, why: an outage, by: Mia}\n'
    later = [agreement(calendar="always", more=more) for more in ("", "contacts: []\n", outage)]
    by = editions(
        ("2024-01-08 12:00", version_of(later[1], 2), OpenChoice.KEEP),
        ("2024-01-08 12:10", version_of(later[2], 3), OpenChoice.RECOMPUTE),
        ("2024-01-08 12:20", pact("2h", version=4), OpenChoice.KEEP),
        first=version_of(later[0], 1),
    )
    judged_by: list[str] = []

    def counted(history: History, by: Agreement, now: datetime) -> Verdict:
        judged_by.append(by.version)
        return judge(history, by, now)

    monkeypatch.setattr(editions_module, "judge", counted)
    kept, moved, new = waiting("2024-01-08 11:50"), waiting("2024-01-08 12:05"), waiting("2024-01-08 12:15")
    kept.touch("2024-01-08 12:02")
    assert [touch_of(lead, by, "2024-01-08 12:30").agreement_version for lead in (kept, moved, new)] == [
        "1+test",
        "3+test",
        "3+test",
    ]
    assert judged_by == ["1+test", "4+test", "2+test", "4+test", "3+test", "4+test"]


def test_a_run_that_an_edition_cancelled_is_measured_with_what_is_known_now() -> None:
    """An attribute that is first told afterwards counts as if told then, also for what is over."""
    by = editions((APPLIED, pact(version=2, only="handoff"), OpenChoice.KEEP))
    lead = waiting("2024-01-08 11:40")
    assert touch_of(lead, by, "2024-01-08 12:30").breached is False
    lead.knows("2024-01-08 12:20", size=5000)
    found = touch_of(lead, by, "2024-01-08 12:30")
    assert (found.segment, found.breached, found.deadline) == ("Enterprise", True, utc("2024-01-08 11:55"))
    assert (found.state, found.stopped_at) == (State.CANCELLED, utc(APPLIED))


def test_what_stays_under_an_edition_ends_with_that_editions_term() -> None:
    ending = agreement(calendar="always", term="{from: 2024-01-01, to: 2024-01-08}", touch="default: 20h")
    by = editions((APPLIED, pact("20h", version=2), OpenChoice.KEEP), first=version_of(ending, 1))
    verdict = judged(waiting(), by, "2024-01-08 13:00")
    assert verdict.next_fact_us == to_us(utc("2024-01-09 00:00")), "it is looked at again then"
    ended = touch_of(waiting(), by, "2024-01-09 01:00")
    assert (ended.state, ended.stopped_at) == (State.CANCELLED, utc("2024-01-09 00:00"))
