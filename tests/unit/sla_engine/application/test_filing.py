"""Rows of promises: how they count, and the fingerprint that says whether one changed."""

import msgspec
import pytest

from sla_engine.application.filing import Outcome, filing, fingerprint
from sla_engine.domain.obligation import Obligation, State
from tests.support.story_builder import EVA, MAX, QUEUE, Lead, agreement, clock, utc

PACT = agreement(calendar="always")


def touched_at(at: str | None) -> Lead:
    lead = Lead()
    lead.created("2024-01-08 12:00", {"name": "Ada"})
    lead.stage("2024-01-08 12:00")
    lead.owner("2024-01-08 12:00", MAX)
    if at is not None:
        lead.touch(at)
    return lead


def first_touch(lead: Lead, now: str) -> Obligation:
    return clock(lead.judged(now, PACT), "first_touch")


@pytest.mark.parametrize(
    ("touch", "now", "state", "outcome", "decided"),
    [
        (None, "2024-01-08 12:30", State.ON_TRACK, None, None),
        (None, "2024-01-08 14:00", State.BREACHED, Outcome.BREACHED, "2024-01-08 13:00"),
        ("2024-01-08 12:20", "2024-01-08 14:00", State.MET, Outcome.MET, "2024-01-08 12:20"),
        ("2024-01-08 13:20", "2024-01-08 14:00", State.MET_LATE, Outcome.BREACHED, "2024-01-08 13:00"),
    ],
)
def test_a_promise_counts_where_it_was_decided(
    touch: str | None, now: str, state: State, outcome: Outcome | None, decided: str | None
) -> None:
    row = filing(first_touch(touched_at(touch), now))
    assert (row.state, row.outcome) == (state, outcome)
    assert row.decided_us == (None if decided is None else utc(decided).timestamp() * 1_000_000)
    assert (row.business_us is None) is (touch is None), "what still runs changes with every second"


def test_a_cancelled_promise_counts_for_nobody() -> None:
    lead = touched_at(None)
    lead.rejected("2024-01-08 12:10")
    assert filing(first_touch(lead, "2024-01-08 14:00")).outcome is Outcome.CANCELLED


@pytest.mark.parametrize(
    ("blame", "charged"),
    [("holder_at_deadline", "eva"), ("longest_holder", "max"), ("first_holder", "max")],
)
def test_a_broken_promise_is_filed_under_whom_the_agreement_charges(blame: str, charged: str) -> None:
    pact = agreement(calendar="always", more=f"    blame: {blame}\n")
    lead = touched_at(None)
    lead.owner("2024-01-08 12:50", EVA)
    open_ = filing(clock(lead.judged("2024-01-08 12:55", pact), "first_touch"))
    lead.owner("2024-01-08 13:10", QUEUE)
    broken = filing(clock(lead.judged("2024-01-08 14:00", pact), "first_touch"))
    assert (open_.owner, open_.outcome) == ("eva", None), "until then, whoever holds it"
    assert (broken.owner, broken.team, broken.outcome) == (charged, "Inside sales", Outcome.BREACHED)


def test_a_paused_promise_is_open_and_an_excused_one_counts_neither_way() -> None:
    paused = agreement(calendar="always", more="    pause: {stage: [sal]}\n")
    lead = touched_at(None)
    lead.stage("2024-01-08 12:30", "sal")
    row = filing(clock(lead.judged("2024-01-08 18:00", paused), "first_touch"))
    assert (row.state, row.outcome, row.stopped_us) == (State.PAUSED, None, None)

    window = 'from: "2024-01-08 12:00", to: "2024-01-08 14:00"'
    excusing = agreement(
        calendar="always", more=f"exceptions:\n  - {{{window}, effect: excuse, why: an outage, by: Mia}}\n"
    )
    row = filing(clock(touched_at("2024-01-08 15:00").judged("2024-01-08 18:00", excusing), "first_touch"))
    assert (row.state, row.outcome) == (State.EXCUSED, Outcome.EXCUSED)
    assert row.decided_us == row.stopped_us == row.deadline_us
    assert row.owner == "max"


def test_time_alone_does_not_change_the_fingerprint_until_the_state_does() -> None:
    def printed(now: str) -> int:
        return fingerprint(first_touch(touched_at(None), now))

    assert printed("2024-01-08 12:01") == printed("2024-01-08 12:44")
    assert printed("2024-01-08 12:44") != printed("2024-01-08 12:46")


def test_whatever_changes_the_row_changes_the_fingerprint() -> None:
    obligation = first_touch(touched_at("2024-01-08 13:20"), "2024-01-08 14:00")
    assert obligation.breach is not None
    charged = msgspec.structs.replace(obligation.breach.holder, name="Somebody else")
    others = [
        msgspec.structs.replace(obligation, **change)
        for change in (
            {"clock_name": "x"},
            {"cycle": 7},
            {"round": 7},
            {"segment": "x"},
            {"breach": msgspec.structs.replace(obligation.breach, holder=charged)},
            {"state": State.CANCELLED},
            {"breach": None},
            {"started_us": 1},
            {"deadline_us": 1},
            {"stopped_us": 1},
            {"target_us": 1},
            {"business_us": 1},
            {"wall_us": 1},
            {"reason": "x"},
            {"agreement_version": "x"},
        )
    ]
    rows = [filing(each) for each in (obligation, *others)]
    assert len({fingerprint(each) for each in (obligation, *others)}) == len(rows)
