"""Follow-up depth: six attempts over ten business days unless somebody is connected; each due, and the whole."""

import itertools
import re

import pytest

from shared.events.envelope import Channel, Direction
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain.obligation import State
from tests.support.shipped_agreements import AGREEMENTS, ANA, BEN, owned_lead, runs, shipped, told, told_with_delay
from tests.support.story_builder import Lead, utc

PACT = shipped("depth")
START = "2026-03-02 09:00"  # a Monday
SIX = (
    "2026-03-02 10:00",
    "2026-03-03 10:00",
    "2026-03-04 09:00",
    "2026-03-05 17:00",
    "2026-03-09 16:00",
    "2026-03-12 09:00",
)
NOW = "2026-03-12 10:00"


def _tried(*times: str) -> Lead:
    lead = owned_lead(START)
    for at in times:
        lead.touch(at, by="7101", outcome="no answer")
    return lead


def test_the_first_attempt_is_due_in_two_hours_and_each_attempt_makes_the_next_due() -> None:
    lead = _tried(*SIX[:5])
    found = runs(lead, PACT, "2026-03-10 10:00", "attempt")
    assert [(each.round, each.target_text) for each in found] == [
        (1, "2h"),
        (2, "1 business day"),
        (3, "1 business day"),
        (4, "2 business days"),
        (5, "2 business days"),
        (6, "3 business days"),
    ]
    assert [each.deadline for each in found] == [
        lead.instant(at)
        for at in (
            "2026-03-02 11:00",
            "2026-03-03 10:00",
            "2026-03-04 10:00",
            "2026-03-05 17:00",
            "2026-03-09 17:00",
            "2026-03-12 16:00",
        )
    ]
    assert [each.state for each in found] == [State.MET] * 5 + [State.ON_TRACK]


def test_six_attempts_keep_both_promises_and_nothing_more_is_due() -> None:
    lead = _tried(*SIX, "2026-03-13 09:00")
    attempts = runs(lead, PACT, "2026-03-30 10:00", "attempt")
    assert [each.state for each in attempts] == [State.MET] * 6
    (whole,) = runs(lead, PACT, "2026-03-30 10:00", "depth")
    assert (whole.state, whole.stopped_at) == (State.MET, lead.instant(SIX[5]))
    assert whole.deadline == lead.instant("2026-03-13 17:00"), "ten business days from Monday morning"


def test_five_are_not_enough() -> None:
    lead = _tried(*SIX[:5])
    (whole,) = runs(lead, PACT, "2026-03-16 10:00", "depth")
    assert (whole.state, whole.deadline) == (State.BREACHED, lead.instant("2026-03-13 17:00"))


def test_the_sixth_at_the_very_end_of_the_tenth_day_is_in_time() -> None:
    for at, state in (("2026-03-13 17:00", State.MET), ("2026-03-13 17:00:00.000001", State.MET_LATE)):
        (whole,) = runs(_tried(*SIX[:5], at), PACT, "2026-03-16 10:00", "depth")
        assert whole.state is state


def test_a_missed_attempt_is_late_by_itself_and_the_whole_may_still_be_kept() -> None:
    lead = _tried("2026-03-02 12:00")
    assert runs(lead, PACT, "2026-03-02 12:30", "attempt")[0].state is State.MET_LATE
    assert runs(lead, PACT, "2026-03-02 12:30", "depth")[0].state is State.ON_TRACK
    said = told(lead, PACT, "2026-03-02 12:30")
    assert said == ["attempt.at_risk", "attempt.breached", "attempt.met_late"]


@pytest.mark.parametrize(
    "connected",
    [
        pytest.param({"outcome": "connected"}, id="a call that connected"),
        pytest.param({"outcome": "Connected"}, id="in any case"),
        pytest.param({"channel": Channel.MEETING}, id="a meeting"),
        pytest.param({"channel": Channel.EMAIL, "direction": Direction.INBOUND}, id="an answer by mail"),
        pytest.param({"direction": Direction.INBOUND, "by": None}, id="the lead called back"),
    ],
)
def test_once_connected_nothing_more_is_due(connected: dict[str, object]) -> None:
    lead = _tried(SIX[0])
    lead.touch("2026-03-02 15:00", **{"by": "7101", **connected})  # type: ignore[arg-type] # by the table above
    attempts = runs(lead, PACT, "2026-04-30 10:00", "attempt")
    assert [(each.round, each.state) for each in attempts] == [(1, State.MET), (2, State.MET)]
    assert runs(lead, PACT, "2026-04-30 10:00", "depth")[0].state is State.MET


def test_hubspots_lead_status_may_say_connected_as_the_file_shows() -> None:
    file = AGREEMENTS / "depth.yaml"
    text = file.read_text(encoding="utf-8")
    (shown,) = re.findall(r"^#     (- \{event: lead.attributes_changed.*\})$", text, flags=re.MULTILINE)
    last = "- {event: [lead.disposed, lead.converted]}"
    by = parse_agreement(text.replace(last, f"{shown}\n        {last}"), today=utc("2025-12-01").date())
    lead = _tried(SIX[0])
    lead.knows("2026-03-02 14:00", lead_status="ATTEMPTED_TO_CONTACT")
    lead.knows("2026-03-02 15:00", lead_status="CONNECTED")
    assert [each.state for each in runs(lead, by, "2026-04-30 10:00", "attempt")] == [State.MET, State.MET]
    assert runs(lead, by, "2026-04-30 10:00", "depth")[0].stopped_at == lead.instant("2026-03-02 15:00")


def test_only_calls_may_be_attempts() -> None:
    text = (AGREEMENTS / "depth.yaml").read_text(encoding="utf-8")
    calls = text.replace("reset: {touch: {}}", "reset: {touch: {channels: [call]}}")
    calls = calls.replace("{touch: {}, count: 6}", "{touch: {channels: [call]}, count: 6}")
    by = parse_agreement(calls, today=utc("2025-12-01").date())
    lead = _tried(*SIX[:5])
    lead.touch("2026-03-11 09:00", by="7101", channel=Channel.EMAIL)
    assert runs(lead, by, "2026-03-11 10:00", "depth")[0].stopped_at is None
    assert runs(lead, by, "2026-03-11 10:00", "attempt")[-1].stopped_at is None


def test_an_automated_answer_connects_nobody() -> None:
    lead = _tried(SIX[0])
    lead.touch("2026-03-02 15:00", by=None, direction=Direction.INBOUND, automated=True)
    assert [each.round for each in runs(lead, PACT, "2026-03-02 16:00", "attempt")] == [1, 2]


@pytest.mark.parametrize("way", ["disposed", "converted"])
def test_a_disposition_or_a_conversion_is_enough(way: str) -> None:
    lead = _tried(SIX[0])
    if way == "disposed":
        lead.disposed("2026-03-02 15:00", "disqualified")
    else:
        lead.converted("2026-03-02 15:00")
    assert [each.state for each in runs(lead, PACT, "2026-04-30 10:00", "attempt")] == [State.MET, State.MET]
    assert runs(lead, PACT, "2026-04-30 10:00", "depth")[0].state is State.MET


def test_rejection_and_the_loss_of_the_lead_cancel_both() -> None:
    rejected, merged = _tried(SIX[0]), _tried(SIX[0])
    rejected.rejected("2026-03-02 15:00")
    merged.merged("2026-03-02 15:00")
    for lead in (rejected, merged):
        assert runs(lead, PACT, NOW, "attempt")[-1].state is State.CANCELLED
        assert runs(lead, PACT, NOW, "depth")[0].state is State.CANCELLED


def test_the_whole_is_charged_to_who_held_it_longest_and_an_attempt_to_who_held_it_then() -> None:
    lead = owned_lead(START, ANA)
    lead.owner("2026-03-12 09:00", BEN)
    (whole,) = runs(lead, PACT, "2026-03-16 10:00", "depth")
    assert whole.breach is not None
    assert (whole.breach.holder.id, whole.holder.id) == ("ana", "ben")
    first = runs(lead, PACT, "2026-03-16 10:00", "attempt")[0]
    assert first.breach is not None
    assert first.breach.holder.id == "ana"


def test_attempts_count_from_the_start_of_the_clock() -> None:
    lead = Lead(source="hubspot", zone="Europe/Berlin")
    lead.stage("2026-03-02 08:00")
    lead.touch("2026-03-02 08:30", by="7101")  # before a person owned it
    lead.owner("2026-03-02 09:00", ANA)
    for at in SIX[:5]:
        lead.touch(at, by="7101")
    assert runs(lead, PACT, NOW, "depth")[0].state is State.AT_RISK
    lead.touch(SIX[5], by="7101")
    assert runs(lead, PACT, NOW, "depth")[0].state is State.MET


def test_two_attempts_in_one_instant_count_twice_for_the_whole_and_once_for_the_rounds() -> None:
    lead = _tried(*SIX[:5])
    lead.touch(SIX[4], by="7102")
    assert runs(lead, PACT, "2026-03-10 10:00", "depth")[0].state is State.MET
    assert len(runs(lead, PACT, "2026-03-10 10:00", "attempt")) == 6


def test_a_new_stay_has_six_attempts_of_its_own() -> None:
    lead = _tried(*SIX[:3])
    lead.disposed("2026-03-05 09:00", "recycled")
    lead.stage("2026-03-16 09:00")
    found = runs(lead, PACT, "2026-03-16 09:30", "attempt")
    assert [(each.cycle, each.round) for each in found] == [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1)]
    assert found[-1].deadline == lead.instant("2026-03-16 11:00")


def test_an_attempt_heard_of_late_moves_the_rounds_back_and_takes_the_alarm_back() -> None:
    lead = _tried(SIX[0])
    said = told_with_delay(lead, PACT, "2026-03-02 13:00", 2, minutes=70)
    assert said == [
        "attempt.at_risk",
        "attempt.breached",
        "attempt.retracted",  # the alarm, and the warning: both came after the attempt
        "attempt.retracted",
        "attempt.met",
    ]


def test_whatever_the_order_of_the_news_the_verdict_is_one() -> None:
    expected = _tried(*SIX[:3]).judged(NOW, PACT)
    for order in itertools.permutations(_tried(*SIX[:3]).events):
        lead = _tried()
        lead.events = [*order, *order[1:3]]
        assert lead.judged(NOW, PACT) == expected
