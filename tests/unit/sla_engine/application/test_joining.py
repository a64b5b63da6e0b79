"""A lead that is merged into another: what each of the two is told, judged by and held to."""

from collections.abc import Sequence

import msgspec
import pytest

from shared.events.lead import LeadEvent, LeadJoined
from sla_engine.application import joining
from sla_engine.application.advance import Step, advance
from sla_engine.application.dossier import Dossier
from sla_engine.application.explanation import explain
from sla_engine.application.filing import Outcome
from sla_engine.application.reading import LeadRecord
from sla_engine.domain.editions import Editions
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from sla_engine.domain.judgement import judge
from tests.support.story_builder import MAX, Lead, agreement, net, utc

PACT = agreement(calendar="always")
LOSER, WINNER = "crm:acc:loser", "crm:acc:winner"


class Leads:
    """Every lead's dossier, and what is on its way between them."""

    def __init__(self) -> None:
        self.dossiers: dict[str, Dossier] = {}
        self.steps: list[Step] = []

    def take(self, now: str, *events: LeadEvent) -> Sequence[Step]:
        """Events arrive, all of one lead; what follows from them is delivered too."""
        begun = len(self.steps)
        waiting: list[Sequence[LeadEvent]] = [events]
        while waiting:
            arriving = waiting.pop(0)
            at = utc(now)
            before = self.dossiers.get(arriving[0].lead)
            step = advance(before, arriving, Editions.only(PACT), through_us=to_us(at), now=at)
            if step is not None:
                self.dossiers[step.after.key] = step.after
                self.steps.append(step)
                waiting += [[event] for event in step.passes_on]
        return self.steps[begun:]

    def look(self, now: str, key: str) -> Step:
        """Time passes for one lead."""
        step = advance(self.dossiers[key], [], Editions.only(PACT), through_us=to_us(utc(now)), now=utc(now))
        assert step is not None
        self.dossiers[key] = step.after
        self.steps.append(step)
        return step

    def standing(self, key: str) -> list[str]:
        """What was announced of a lead and not taken back."""
        said = [event for step in self.steps if step.after.key == key for event in step.said]
        return [f"{clock}.{kind.removeprefix('obligation.')}" for kind, clock, _, _, _ in net(said)]

    def outcomes(self) -> dict[tuple[str, str], Outcome | None]:
        """How each promise counts, by lead and clock."""
        rows: dict[str, tuple[tuple[str, str], Outcome | None]] = {}
        for step in self.steps:
            rows |= {row.filing.id: ((step.after.key, row.filing.clock), row.filing.outcome) for row in step.rows}
            for closing in step.closings:
                del rows[closing.id]
        return dict(rows.values())


def waiting_lead(key: str, at: str) -> Lead:
    lead = Lead(key)
    lead.stage(at)
    lead.owner(at, MAX)
    return lead


def named(lead: Lead) -> list[LeadEvent]:
    """Its events, with ids that no other lead's have."""
    return [msgspec.structs.replace(each, id=f"{lead.key}-{each.id}") for each in lead.events]


def test_a_call_on_the_merged_lead_keeps_the_winners_promise_and_takes_its_breach_back() -> None:
    leads = Leads()
    winner, loser = waiting_lead(WINNER, "2024-01-08 10:00"), Lead(LOSER)
    leads.take("2024-01-08 10:00", *named(winner))
    leads.look("2024-01-08 11:05", WINNER)
    assert "first_touch.breached" in leads.standing(WINNER)
    loser.touch("2024-01-08 10:30")
    loser.merged("2024-01-08 11:10", WINNER)

    leads.take("2024-01-08 11:10", *named(loser))

    assert "first_touch.breached" not in leads.standing(WINNER)
    assert "first_touch.met" in leads.standing(WINNER)


def test_an_open_promise_goes_on_with_the_winner_from_where_it_stood() -> None:
    leads = Leads()
    loser = waiting_lead(LOSER, "2024-01-08 10:00")
    loser.merged("2024-01-08 10:20", WINNER)
    leads.take("2024-01-08 10:20", *named(loser))
    assert "first_touch.cancelled" in leads.standing(LOSER)

    leads.look("2024-01-08 11:01", WINNER)

    assert "first_touch.breached" in leads.standing(WINNER), "due an hour after the loser was assigned"
    outcomes = leads.outcomes()
    assert outcomes[LOSER, "first_touch"] is Outcome.CANCELLED
    assert outcomes[WINNER, "first_touch"] is Outcome.BREACHED


def test_a_broken_promise_that_goes_on_counts_once() -> None:
    leads = Leads()
    loser = waiting_lead(LOSER, "2024-01-08 10:00")
    leads.take("2024-01-08 10:00", *named(loser))
    leads.look("2024-01-08 11:05", LOSER)
    assert leads.outcomes()[LOSER, "first_touch"] is Outcome.BREACHED
    loser.merged("2024-01-08 11:10", WINNER)

    leads.take("2024-01-08 11:10", *named(loser))

    counted = [key for key, outcome in leads.outcomes().items() if outcome is Outcome.BREACHED]
    assert counted == [(WINNER, "first_touch")]


def test_what_was_over_before_the_merge_stays_with_the_lead_on_which_it_was_promised() -> None:
    leads = Leads()
    loser = waiting_lead(LOSER, "2024-01-08 10:00")
    loser.touch("2024-01-08 12:00")
    leads.take("2024-01-08 12:00", *named(loser))
    before = leads.standing(LOSER)
    loser.merged("2024-01-08 13:00", WINNER)

    leads.take("2024-01-08 13:00", *named(loser))

    assert leads.standing(LOSER) == before
    assert leads.standing(WINNER) == [], "nobody is told of old promises anew"
    assert not [key for key in leads.outcomes() if key[0] == WINNER]


def test_late_events_of_the_merged_lead_reach_the_winner_and_only_they() -> None:
    leads = Leads()
    loser = waiting_lead(LOSER, "2024-01-08 10:00")
    loser.merged("2024-01-08 10:20", WINNER)
    leads.take("2024-01-08 10:20", *named(loser))
    loser.touch("2024-01-08 10:30")

    steps = leads.take("2024-01-08 11:40", named(loser)[-1])

    (word,) = [event for step in steps for event in step.passes_on]
    assert isinstance(word, LeadJoined)
    assert len(word.facts) == 1
    assert "first_touch.met" in leads.standing(WINNER)


def test_a_call_in_time_told_late_gives_the_promise_back_to_the_merged_lead() -> None:
    leads = Leads()
    loser = waiting_lead(LOSER, "2024-01-08 10:00")
    loser.merged("2024-01-08 10:20", WINNER)
    leads.take("2024-01-08 10:20", *named(loser))
    loser.touch("2024-01-08 10:10")

    leads.take("2024-01-08 11:40", named(loser)[-1])

    assert "first_touch.met" in leads.standing(LOSER)
    assert leads.standing(WINNER) == []


def test_a_merge_that_a_replay_proves_wrong_is_undone() -> None:
    leads = Leads()
    winner, loser = waiting_lead(WINNER, "2024-01-08 10:00"), Lead(LOSER)
    loser.touch("2024-01-08 10:30")
    wrong = loser.merged("2024-01-08 11:10", WINNER)
    leads.take("2024-01-08 10:00", *named(winner))
    leads.take("2024-01-08 11:10", *named(loser))
    assert "first_touch.met" in leads.standing(WINNER)

    right = msgspec.structs.replace(wrong, id=named(loser)[-1].id, into="crm:acc:other", reading=7)
    leads.take("2024-01-08 11:20", right)

    assert sorted(leads.standing(WINNER)) == [
        "first_touch.breached",
        "first_touch.opened",
        "handoff.met",
        "handoff.opened",
    ]
    assert [fact.id for fact in leads.dossiers["crm:acc:other"].history.facts] == [named(loser)[0].id]


def test_two_leads_merged_into_each_other_come_to_rest() -> None:
    leads = Leads()
    one, other = waiting_lead(LOSER, "2024-01-08 10:00"), waiting_lead(WINNER, "2024-01-08 10:01")
    one.merged("2024-01-08 10:10", WINNER)
    other.merged("2024-01-08 10:11", LOSER)
    leads.take("2024-01-08 10:10", *named(one))
    leads.take("2024-01-08 10:11", *named(other))
    facts = {key: {fact.id for fact in each.history.facts} for key, each in leads.dossiers.items()}
    shared = {each.id for each in [*named(one)[:2], *named(other)[:2]]}
    assert facts == {LOSER: shared | {named(one)[2].id}, WINNER: shared | {named(other)[2].id}}


def test_one_activity_told_on_both_leads_is_one_touch_by_its_latest_report() -> None:
    leads = Leads()
    loser, winner = Lead(LOSER), Lead(WINNER)
    loser.touch("2024-01-08 10:30", activity="call", written="2024-01-08 10:31")
    winner.touch("2024-01-08 10:40", activity="call", written="2024-01-08 12:00")
    loser.merged("2024-01-08 11:10", WINNER)
    leads.take("2024-01-08 11:10", *named(loser))
    leads.take("2024-01-08 12:00", *named(winner))
    assert [fact.id for fact in leads.dossiers[WINNER].history.facts] == [named(winner)[0].id]


def test_the_page_says_from_which_lead_a_fact_came() -> None:
    leads = Leads()
    loser = waiting_lead(LOSER, "2024-01-08 10:00")
    loser.merged("2024-01-08 10:20", WINNER)
    leads.take("2024-01-08 10:20", *named(loser))
    dossier = leads.dossiers[WINNER]
    record = LeadRecord(
        key=WINNER, name="", crm_url=None, history=dossier.history, announced=dossier.announced, provenance={}
    )

    page = explain(record, Editions.only(PACT), utc("2024-01-08 10:30"))

    assert [moment.from_lead for moment in page.timeline] == [LOSER, LOSER]
    assert page.timeline[0].what == f"Stage became MQL (from merged lead {LOSER})"
    assert {ground.what.partition(" (")[2] for each in page.obligations for ground in each.grounds} == {
        f"from merged lead {LOSER})"
    }


def test_a_lead_merged_before_this_version_is_told_of_at_its_next_step() -> None:
    loser = waiting_lead(LOSER, "2024-01-08 10:00")
    loser.merged("2024-01-08 10:20", WINNER)
    old = Dossier(key=LOSER, id=1, history=History.of(named(loser)))
    step = advance(old, [], Editions.only(PACT), through_us=0, now=utc("2024-01-08 12:00"))
    assert step is not None
    assert [event.lead for event in step.passes_on] == [WINNER]
    assert step.history_changed, "it is noted that the winner knows"


def test_a_long_history_is_passed_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MOST_BYTES", 1000)
    loser = Lead(LOSER)
    for minute in range(40):
        loser.knows(f"2024-01-08 10:{minute:02}", note="x" * 100)
    loser.merged("2024-01-08 11:00", WINNER)
    _, words = joining.passing_on(None, History.of(named(loser)))
    assert len(words) > 4
    assert len({word.id for word in words}) == len(words)
    winner, _ = History(WINNER, "crm").with_events(words[::-1])
    assert [fact.id for fact in winner.facts] == [each.id for each in named(loser)[:-1]]


def test_a_winner_that_only_others_spoke_of_takes_its_own_source_later() -> None:
    loser, winner = Lead(LOSER, source="forms"), Lead(WINNER)
    loser.touch("2024-01-08 10:00")
    loser.merged("2024-01-08 10:20", WINNER)
    winner.stage("2024-01-08 11:00")
    _, words = joining.passing_on(None, History.of(named(loser)))
    history = History.of(words)
    assert history.source == "forms"
    assert history.with_events(named(winner))[0].source == "crm"
    assert History.of(named(winner)).with_events(words)[0] == history.with_events(named(winner))[0]


def test_what_was_excused_on_the_loser_before_it_was_merged_stays_there() -> None:
    window = 'from: "2024-01-08 12:00", to: "2024-01-08 14:00"'
    pact = agreement(
        calendar="always", more=f"exceptions:\n  - {{{window}, effect: excuse, why: an outage, by: Mia}}\n"
    )
    loser, winner = Lead(key=LOSER), Lead(key=WINNER)
    loser.stage("2024-01-08 12:00")
    loser.owner("2024-01-08 12:00", MAX)
    loser.merged("2024-01-08 15:00", into=WINNER)
    created = msgspec.structs.replace(winner.created("2024-01-08 11:00"), id="of the winner")
    histories = joining.join_all({LOSER: loser.events, WINNER: [created]})
    states = {
        lead: [
            (each.clock, each.state.value)
            for each in joining.kept_promises(judge(history, pact, utc("2024-01-08 16:00")), history).obligations
        ]
        for lead, history in histories.items()
    }
    assert states == {LOSER: [("handoff", "met"), ("first_touch", "excused")], WINNER: []}
