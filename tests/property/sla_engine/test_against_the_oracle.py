"""The engine against the oracle: the same agreements, the same histories, two ways to the verdict.

`LEADPACT_TEST_ORACLE_CASES` says how many cases are compared; a failure names the seed of its case, and
`LEADPACT_TEST_ORACLE_FIRST` starts at it.
"""

import datetime as dt
import os
import random
from collections.abc import Sequence

import pytest

from shared.events.lead import LeadAttributesChanged, LeadCreated, LeadEvent
from shared.events.sla import AnySlaEvent, ObligationAtRisk, event_type
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us
from sla_engine.domain.judgement import judge
from sla_engine.domain.obligation import Obligation
from tests.property.sla_engine.living import standing
from tests.support.oracle import arrivals
from tests.support.oracle.cases import Case, case
from tests.support.oracle.paper import as_text
from tests.support.oracle.verdicts import Answer, answers

CASES = int(os.environ.get("LEADPACT_TEST_ORACLE_CASES", "100"))
FIRST = int(os.environ.get("LEADPACT_TEST_ORACLE_FIRST", "0"))
SHARE = 50
"""Cases a test, so that several processes can share them."""
LONG_AFTER = dt.timedelta(days=25)

Said = tuple[str, int, str, str]
"""Clock, cycle, what was announced, and, of a warning, the instant; two warnings of one instant are said as one."""


def shares() -> list[range]:
    """All seeds, in ranges."""
    return [range(at, min(at + SHARE, FIRST + CASES)) for at in range(FIRST, FIRST + CASES, SHARE)]


@pytest.mark.parametrize("seeds", shares(), ids=lambda seeds: f"seeds {seeds.start} to {seeds.stop - 1}")
def test_verdicts_and_standing_announcements_are_the_oracles(seeds: range) -> None:
    for seed in seeds:
        given = case(seed)
        agreement = parse_agreement(as_text(given.paper), today=given.base)
        for now in given.nows:
            compare_verdicts(given, agreement, now)
        compare_announcements(given, agreement, given.nows[-1] + LONG_AFTER)


def compare_verdicts(given: Case, agreement: Agreement, now: dt.datetime) -> None:
    """Every obligation, whole."""
    expected = answers(given.events, given.paper, now, given.grid)
    found = [read(each) for each in judge(History.of(given.events), agreement, now).obligations]
    assert found == expected, told(given, now)


def compare_announcements(given: Case, agreement: Agreement, end: dt.datetime) -> None:
    """What was announced and not taken back; warnings are given in time or not at all."""
    expected = answers(given.events, given.paper, end, given.grid)
    warned = {
        (each.clock, each.cycle, "at_risk", at.isoformat()) for each in expected for _, at in each.warnings if at <= end
    }
    words = {(*said, "") for each in expected for said in each.said if settled(each, said[2], given, end)}

    shuffled = live(arrivals.in_disorder(given.events, random.Random(given.seed)), agreement, end)
    assert without_warnings(shuffled) == words, told(given, end)
    assert shuffled - without_warnings(shuffled) <= warned, told(given, end)

    timely = live(arrivals.in_time(given.events), agreement, end)
    assert without_warnings(timely) == words, told(given, end)
    assert timely - without_warnings(timely) <= warned, told(given, end)
    if segment_is_known_early(given):
        assert timely - without_warnings(timely) == warned, told(given, end)


def read(obligation: Obligation) -> Answer:
    """What the engine says, in the oracle's words."""
    held: dict[str, tuple[dt.timedelta, dt.timedelta]] = {}
    for holding in obligation.holders:
        business, wall = held.get(holding.holder.id, (dt.timedelta(), dt.timedelta()))
        held[holding.holder.id] = (business + span(holding.business_us), wall + span(holding.wall_us))
    breach = obligation.breach
    return Answer(
        clock=obligation.clock,
        cycle=obligation.cycle,
        segment=obligation.segment,
        state=obligation.state.value,
        started=obligation.started_at,
        deadline=obligation.deadline,
        stopped=obligation.stopped_at,
        breached_at=None if breach is None else from_us(breach.at_us),
        blamed=None if breach is None else breach.holder.id,
        used=span(obligation.business_us),
        wall=span(obligation.wall_us),
        held={holder: times for holder, times in held.items() if times[1]},
        warnings=tuple(
            sorted(((each.name, from_us(each.at_us)) for each in obligation.warnings), key=lambda each: each[::-1])
        ),
    )


def live(batches: Sequence[arrivals.Batch], agreement: Agreement, end: dt.datetime) -> set[Said]:
    """What stands announced at the end, in the oracle's words."""
    return {
        (event.clock, event.cycle, event_type(event).removeprefix("obligation."), warning(event))
        for event in standing(batches, agreement, end)
    }


def settled(answer: Answer, word: str, given: Case, end: dt.datetime) -> bool:
    """Whether it may be said by now: a breach waits for its settle time."""
    wait = dt.timedelta(seconds=given.paper.promise(answer.clock).settle_seconds)
    return word != "breached" or (answer.breached_at is not None and answer.breached_at + wait <= end)


def segment_is_known_early(given: Case) -> bool:
    """Whether no attribute is told only later: then the segment, and with it warnings, would change for the past."""
    first = min(event.at for event in given.events)
    told_at = [
        event.at
        for event in given.events
        if isinstance(event, LeadCreated | LeadAttributesChanged) and "size" in event.attributes
    ]
    return not told_at or min(told_at) == first


def warning(event: AnySlaEvent) -> str:
    """When a warning was due; empty for anything else."""
    return event.occurred_at.isoformat() if isinstance(event, ObligationAtRisk) else ""


def without_warnings(said: set[Said]) -> set[Said]:
    """What does not depend on having been there in time."""
    return {each for each in said if each[2] != "at_risk"}


def span(microseconds: int) -> dt.timedelta:
    """Microseconds as a duration."""
    return dt.timedelta(microseconds=microseconds)


def told(given: Case, now: dt.datetime) -> str:
    """The case, for whoever has to look into it."""
    facts: list[LeadEvent] = sorted(given.events, key=lambda event: (event.at, event.id))
    lines = [f"{fact.at.isoformat()} {fact}" for fact in facts]
    return "\n".join([f"seed {given.seed}, judged at {now.isoformat()}", as_text(given.paper), *lines])
