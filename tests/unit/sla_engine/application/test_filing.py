"""Rows of promises: how they count, and the fingerprint that says whether one changed."""

import msgspec
import pytest

from sla_engine.application.filing import Outcome, filing, fingerprint
from sla_engine.domain.obligation import Obligation, State
from tests.support.story_builder import MAX, Lead, agreement, clock, utc

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


def test_time_alone_does_not_change_the_fingerprint_until_the_state_does() -> None:
    def printed(now: str) -> int:
        return fingerprint(first_touch(touched_at(None), now))

    assert printed("2024-01-08 12:01") == printed("2024-01-08 12:44")
    assert printed("2024-01-08 12:44") != printed("2024-01-08 12:46")


def test_whatever_changes_the_row_changes_the_fingerprint() -> None:
    obligation = first_touch(touched_at("2024-01-08 13:20"), "2024-01-08 14:00")
    party = msgspec.structs.replace(obligation.holder, name="Somebody else")
    others = [
        msgspec.structs.replace(obligation, **change)
        for change in (
            {"clock_name": "x"},
            {"cycle": 7},
            {"segment": "x"},
            {"holder": party},
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
