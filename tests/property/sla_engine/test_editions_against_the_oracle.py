"""Agreements that are edited in mid-history, the engine against the oracle: each run, and what stands announced.

`LEADPACT_TEST_ORACLE_CASES` says how many cases are compared; a failure names the seed of its case, and
`LEADPACT_TEST_ORACLE_FIRST` starts at it.
"""

import datetime as dt
import os
import random

import pytest

from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain.editions import Editions, OpenChoice, judge_under
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from tests.property.sla_engine.living import standing_by
from tests.property.sla_engine.test_declared_against_the_oracle import (
    name,
    read,
    said_of,
    without_warnings,
)
from tests.support.oracle import arrivals
from tests.support.oracle.edited import Edited, edited
from tests.support.oracle.editions import verdicts_under
from tests.support.oracle.invented import LONG_AFTER
from tests.support.oracle.text import as_text

CASES = int(os.environ.get("LEADPACT_TEST_ORACLE_CASES", "40"))
FIRST = int(os.environ.get("LEADPACT_TEST_ORACLE_FIRST", "0"))
SHARE = 20
"""Cases a test, so that several processes can share them."""


def shares() -> list[range]:
    """All seeds, in ranges."""
    return [range(at, min(at + SHARE, FIRST + CASES)) for at in range(FIRST, FIRST + CASES, SHARE)]


@pytest.mark.parametrize("seeds", shares(), ids=lambda seeds: f"seeds {seeds.start} to {seeds.stop - 1}")
def test_what_becomes_of_runs_under_later_editions_is_what_the_oracle_says(seeds: range) -> None:
    for seed in seeds:
        given = edited(seed)
        editions = engine_editions(given)
        for now in given.nows:
            expected = verdicts_under(given.events, given.editions, now, given.grid)
            found = [read(each) for each in judge_under(History.of(given.events), editions, now).obligations]
            assert sorted(found, key=name) == sorted(expected, key=name), told(given, now)
        compare_announcements(given, editions, given.nows[-1] + LONG_AFTER)


def compare_announcements(given: Edited, editions: Editions, end: dt.datetime) -> None:
    """What was announced and not taken back, warnings apart, whatever the order in which events arrive."""
    expected = verdicts_under(given.events, given.editions, end, given.grid)
    words = {(*said, "") for each in expected for said in each.said}
    for batches in (
        arrivals.in_disorder(given.events, random.Random(given.seed)),
        arrivals.in_time(given.events),
    ):
        said = said_of(standing_by(batches, lambda history, now: judge_under(history, editions, now), end))
        assert without_warnings(said) == words, told(given, end)


def engine_editions(given: Edited) -> Editions:
    """The editions as the engine has them."""
    agreements = [parse_agreement(as_text(each.agreement), today=given.base) for each in given.editions]
    made = Editions.only(agreements[0])
    for agreement, edition in zip(agreements[1:], given.editions[1:], strict=True):
        made = made.followed_by(agreement, applied_us=to_us(edition.applied), open_=OpenChoice(edition.choice))
    return made


def told(given: Edited, now: dt.datetime) -> str:
    """The case, for whoever has to look into it."""
    facts = sorted(given.events, key=lambda event: (event.at, event.id))
    lines = [f"{fact.at.isoformat()} {fact}" for fact in facts]
    texts = [f"{each.choice} at {each.applied.isoformat()}\n{as_text(each.agreement)}" for each in given.editions]
    return "\n".join([f"seed {given.seed}, judged at {now.isoformat()}", *texts, *lines])
