"""Declared clocks, the engine against the oracle: made-up agreements and histories, two ways to the verdict.

`LEADPACT_TEST_ORACLE_CASES` says how many cases are compared; a failure names the seed of its case, and
`LEADPACT_TEST_ORACLE_FIRST` starts at it.
"""

import datetime as dt
import os
import random

import pytest

from shared.events.lead import LeadAttributesChanged, LeadCreated, LeadEvent
from shared.events.sla import AnySlaEvent, ObligationAtRisk, event_type
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain import agreement as engine
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us
from sla_engine.domain.judgement import judge
from sla_engine.domain.obligation import Obligation
from tests.property.sla_engine.living import standing
from tests.support.oracle import arrivals
from tests.support.oracle.invented import LONG_AFTER, Invention, invention
from tests.support.oracle.judging import Verdict, verdicts
from tests.support.oracle.text import as_text

CASES = int(os.environ.get("LEADPACT_TEST_ORACLE_CASES", "150"))
FIRST = int(os.environ.get("LEADPACT_TEST_ORACLE_FIRST", "0"))
SHARE = 25
"""Cases a test, so that several processes can share them."""

Said = tuple[str, int, int, str, str]
"""Clock, cycle, round, what was announced, and, of a warning, the instant; two of one instant are said as one."""


def shares() -> list[range]:
    """All seeds, in ranges."""
    return [range(at, min(at + SHARE, FIRST + CASES)) for at in range(FIRST, FIRST + CASES, SHARE)]


@pytest.mark.parametrize("seeds", shares(), ids=lambda seeds: f"seeds {seeds.start} to {seeds.stop - 1}")
def test_verdicts_and_standing_announcements_are_the_oracles(seeds: range) -> None:
    for seed in seeds:
        given = invention(seed)
        agreement = parse_agreement(as_text(given.agreement), today=given.base)
        for now in given.nows:
            compare_verdicts(given, agreement, now)
        compare_announcements(given, agreement, given.nows[-1] + LONG_AFTER)


def compare_verdicts(given: Invention, agreement: engine.Agreement, now: dt.datetime) -> None:
    """Every obligation, whole."""
    expected = verdicts(given.events, given.agreement, now, given.grid)
    found = [read(each) for each in judge(History.of(given.events), agreement, now).obligations]
    assert sorted(found, key=name) == sorted(expected, key=name), told(given, now)


def compare_announcements(given: Invention, agreement: engine.Agreement, end: dt.datetime) -> None:
    """What was announced and not taken back; warnings are given in time or not at all."""
    expected = verdicts(given.events, given.agreement, end, given.grid)
    listed = {(*name(each), "at_risk", at.isoformat()) for each in expected for _, at in each.warnings}
    warned = {(*name(each), "at_risk", at.isoformat()) for each in expected for at in each.given if at <= end}
    words = {(*said, "") for each in expected for said in each.said if settled(each, said[3], given, end)}

    shuffled = said_of(standing(arrivals.in_disorder(given.events, random.Random(given.seed)), agreement, end))
    assert without_warnings(shuffled) == words, told(given, end)
    assert shuffled - without_warnings(shuffled) <= listed, told(given, end)  # a pause may be told after a warning

    timely = said_of(standing(arrivals.in_time(given.events), agreement, end))
    assert without_warnings(timely) == words, told(given, end)
    assert timely - without_warnings(timely) <= warned, told(given, end)
    if segment_is_known_early(given):
        assert timely - without_warnings(timely) == warned, told(given, end)


def name(verdict: Verdict) -> tuple[str, int, int]:
    """Which obligation it is."""
    return verdict.clock, verdict.cycle, verdict.round


def read(obligation: Obligation) -> Verdict:
    """What the engine says, in the oracle's words."""
    held: dict[str, tuple[dt.timedelta, dt.timedelta]] = {}
    for holding in obligation.holders:
        business, wall = held.get(holding.holder.id, (dt.timedelta(), dt.timedelta()))
        held[holding.holder.id] = (business + span(holding.business_us), wall + span(holding.wall_us))
    breach = obligation.breach
    return Verdict(
        clock=obligation.clock,
        cycle=obligation.cycle,
        round=obligation.round,
        segment=obligation.segment,
        state=obligation.state.value,
        started=obligation.started_at,
        deadline=obligation.deadline,
        stopped=obligation.stopped_at,
        breached_at=None if breach is None else from_us(breach.at_us),
        charged=None if breach is None else breach.holder.id,
        used=span(obligation.business_us),
        wall=span(obligation.wall_us),
        held={holder: times for holder, times in held.items() if times[1]},
        pauses=tuple(
            (from_us(each.from_us), None if each.to_us is None else from_us(each.to_us))
            for each in obligation.pauses
            if not each.author and (obligation.stopped_us is None or each.from_us < obligation.stopped_us)
        ),
        warnings=tuple(
            sorted(((each.name, from_us(each.at_us)) for each in obligation.warnings), key=lambda each: each[::-1])
        ),
    )


def said_of(events: list[AnySlaEvent]) -> set[Said]:
    """Announcements in the oracle's words."""
    return {
        (event.clock, event.cycle, event.round, event_type(event).removeprefix("obligation."), warning(event))
        for event in events
    }


def warning(event: AnySlaEvent) -> str:
    """When a warning was due; empty for anything else."""
    return event.occurred_at.isoformat() if isinstance(event, ObligationAtRisk) else ""


def without_warnings(said: set[Said]) -> set[Said]:
    """What does not depend on having been there in time."""
    return {each for each in said if each[3] != "at_risk"}


def settled(verdict: Verdict, word: str, given: Invention, end: dt.datetime) -> bool:
    """Whether it may be said by now: a breach waits for its settle time."""
    wait = dt.timedelta(seconds=given.agreement.clock(verdict.clock).settle_seconds)
    return word != "breached" or (verdict.breached_at is not None and verdict.breached_at + wait <= end)


def segment_is_known_early(given: Invention) -> bool:
    """Whether no attribute is told only later: then the segment, and with it warnings, would change for the past."""
    first = min(event.at for event in given.events)
    told_at: dict[str, dt.datetime] = {}
    for event in sorted(given.events, key=lambda event: event.at):
        if isinstance(event, LeadCreated | LeadAttributesChanged):
            for attribute in event.attributes:
                told_at.setdefault(attribute, event.at)
    return all(at == first for attribute, at in told_at.items() if attribute in {"size", "waiting"})


def span(microseconds: int) -> dt.timedelta:
    """Microseconds as a duration."""
    return dt.timedelta(microseconds=microseconds)


def told(given: Invention, now: dt.datetime) -> str:
    """The case, for whoever has to look into it."""
    facts: list[LeadEvent] = sorted(given.events, key=lambda event: (event.at, event.id))
    lines = [f"{fact.at.isoformat()} {fact}" for fact in facts]
    return "\n".join([f"seed {given.seed}, judged at {now.isoformat()}", as_text(given.agreement), *lines])
