"""The checker finds what it is there to find: what the core says passes, and each way of spoiling it is seen.

Here the "engine" is the core, fed by hand in virtual time.
"""

import dataclasses
import datetime as dt

import msgspec
import pytest

from shared.events import sla
from shared.events.sla import AnySlaEvent, ObligationBreached
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain.agreement import Agreement
from tests.chaos.checker import Findings, Logged, Published, check
from tests.chaos.promises import Promises
from tests.chaos.stories import News, story
from tests.support.story_builder import Engine

START = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
SEED = 11
LEADS = 150
MOMENT = dt.timedelta(milliseconds=20)


@dataclasses.dataclass
class Run:
    """What came and what was said."""

    promises: Promises
    log: dict[str, list[Logged]]
    said: list[AnySlaEvent]

    def findings(self) -> Findings:
        """What the checker says."""
        return check(self.promises, self.log, [Published(value=sla.encode(each), event=each) for each in self.said])


def live(agreement: Agreement, number: int) -> tuple[list[Logged], list[AnySlaEvent]]:
    """One story through the core: each event is read a moment after it was told."""
    news = story(SEED, number, START)
    engine = Engine(agreement, lead=news[0].event.lead, source="crm")
    now = START
    for at, event in news:
        read = max(at + MOMENT, now)
        engine.sleep_until(read, now)
        engine.receive(read, event)
        now = read
    engine.sleep_until(now + dt.timedelta(minutes=1), now)
    return [logged(each) for each in news], engine.said


def logged(news: News) -> Logged:
    return Logged(event=news.event, appended_at=news.at, acknowledged_at=news.at + MOMENT)


@pytest.fixture(scope="module")
def stories() -> tuple[Promises, list[tuple[list[Logged], list[AnySlaEvent]]]]:
    promises = Promises(SEED, day=START)
    agreement = parse_agreement(promises.text, today=START.date())
    return promises, [live(agreement, number) for number in range(LEADS)]


@pytest.fixture
def run(stories: tuple[Promises, list[tuple[list[Logged], list[AnySlaEvent]]]]) -> Run:
    """To be spoilt."""
    promises, lived = stories
    return Run(
        promises,
        {records[0].event.lead: records for records, _ in lived},
        [each for _, said in lived for each in said],
    )


def a_breach(run: Run) -> ObligationBreached:
    """One that was never taken back."""
    retracted = {each.retracts for each in run.said if isinstance(each, sla.ObligationRetracted)}
    return next(each for each in run.said if isinstance(each, ObligationBreached) and each.id not in retracted)


def test_what_the_core_says_is_right(run: Run) -> None:
    types = {sla.event_type(each) for each in run.said}
    assert len(types) == 7, "the stories make everything happen"
    assert run.findings().none, str(run.findings())


def test_the_same_record_twice_is_dropped(run: Run) -> None:
    run.said.append(run.said[3])
    assert run.findings().none


def test_a_breach_that_is_not_there_is_lost(run: Run) -> None:
    breach = a_breach(run)
    run.said.remove(breach)
    found = run.findings()
    assert len(found.lost) == 1
    assert breach.lead in found.lost[0]


def test_an_id_with_other_words_is_doubled(run: Run) -> None:
    run.said.append(msgspec.structs.replace(a_breach(run), announced_at=START + dt.timedelta(hours=1)))
    assert len(run.findings().doubled) == 1


def test_a_second_id_for_one_fact_is_doubled(run: Run) -> None:
    run.said.append(msgspec.structs.replace(a_breach(run), id="another"))
    assert len(run.findings().doubled) == 1


def test_a_breach_that_was_kept_is_false(run: Run) -> None:
    """Also one that is taken back afterwards: the touch had been in the log before it fell due."""
    spoilt = 0
    retracted = {each.retracts: each for each in run.said if isinstance(each, sla.ObligationRetracted)}
    for breach in run.said:
        if isinstance(breach, ObligationBreached) and breach.id in retracted:
            run.log[breach.lead] = [
                dataclasses.replace(each, appended_at=START, acknowledged_at=START) for each in run.log[breach.lead]
            ]
            spoilt += 1
    assert spoilt > 3
    assert len(run.findings().false) >= spoilt


def test_a_breach_that_stands_although_it_was_kept_is_false(run: Run) -> None:
    back = next(
        each for each in run.said if isinstance(each, sla.ObligationRetracted) and "breached" in each.retracted_type
    )
    run.said.remove(back)
    found = run.findings()
    assert any(back.lead in each and "stands in the end" in each for each in found.false)


def test_a_breach_before_its_time_is_false(run: Run) -> None:
    breach = a_breach(run)
    run.said[run.said.index(breach)] = msgspec.structs.replace(breach, announced_at=breach.deadline)
    assert len(run.findings().false) == 1
