"""Merged leads: in whatever order and number events and words between leads arrive, each lead comes to know the same.

What each must know is said here a second time, from the whole: a lead's own facts, and those of every lead from which
merges that stand lead to it.
"""

from collections.abc import Iterable
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import lead as lead_events
from shared.events.lead import LeadEvent, LeadJoined, LeadMerged
from sla_engine.application.joining import join_all, kept_promises, passing_on
from sla_engine.domain.facts import AnyFact, Deleted, Merged, Touch
from sla_engine.domain.history import History
from sla_engine.domain.joined import accept
from sla_engine.domain.judgement import judge
from tests.property.sla_engine.stories import BEGIN
from tests.support.story_builder import EVA, MAX, Lead, agreement

KEYS = ("crm:acc:a", "crm:acc:b", "crm:acc:c", "crm:acc:d")
DETERMINED = settings(derandomize=True, deadline=None, max_examples=300)
BY = agreement(calendar="always")


@st.composite
def told(draw: st.DrawFn) -> list[LeadEvent]:
    """Events of four leads that are merged any way, some corrected by a replay."""
    leads = {key: Lead(key) for key in KEYS}
    for _ in range(draw(st.integers(3, 12))):
        key = draw(st.sampled_from(KEYS))
        lead = leads[key]
        at = f"{BEGIN + timedelta(minutes=draw(st.integers(0, 20)) * 15):%Y-%m-%d %H:%M}"
        match draw(st.sampled_from(["merged", "merged", "stage", "owner", "touch", "touch", "deleted", "knows"])):
            case "merged":
                lead.merged(at, draw(st.sampled_from(KEYS)))
            case "stage":
                lead.stage(at, draw(st.sampled_from(["mql", "sal", "recycled"])))
            case "owner":
                lead.owner(at, draw(st.sampled_from([MAX, EVA, None])))
            case "touch":
                lead.touch(at, activity=draw(st.sampled_from(["call-1", "call-2", None])), written=at)
            case "knows":
                lead.knows(at, size=draw(st.sampled_from([10, 5000])))
            case _:
                lead.deleted(at)
    events = [msgspec.structs.replace(each, id=f"{key[-1]}{each.id}") for key in KEYS for each in leads[key].events]
    corrected = draw(st.lists(st.tuples(st.sampled_from(events), st.integers(1, 3)), max_size=4)) if events else []
    for event, reading in corrected:
        again = msgspec.structs.replace(event, reading=reading)
        if isinstance(again, LeadMerged):
            # of one reading there is one content
            again = msgspec.structs.replace(again, into=KEYS[(KEYS.index(again.into) + reading) % len(KEYS)])
        events.append(again)
    return events


class World:
    """Each lead's history as its owner has it, and the words on their way."""

    def __init__(self) -> None:
        self.histories: dict[str, History] = {}
        self.under_way: list[LeadEvent] = []
        self.words = 0

    def deliver(self, *events: LeadEvent) -> None:
        """One step of one lead."""
        before = self.histories.get(events[0].lead)
        after, changed = (History.of(events), True) if before is None else before.with_events(events)
        if changed:
            after, words = passing_on(before, after)
            self.histories[after.lead] = History.from_bytes(after.to_bytes())
            self.under_way += [lead_events.decode(lead_events.encode(word)) for word in words]
            self.words += len(words)


def in_any_order(events: Iterable[LeadEvent], data: st.DataObject) -> World:
    """Everything arrives once or twice, words between leads mixed in among the rest."""
    world = World()
    world.under_way = list(events)
    seen: list[LeadEvent] = []
    while world.under_way:
        event = world.under_way.pop(data.draw(st.integers(0, len(world.under_way) - 1)))
        seen.append(event)
        world.deliver(event)
        if data.draw(st.integers(0, 5)) == 0:
            again = data.draw(st.sampled_from(seen))
            world.deliver(again)
        assert world.words < 2000, "they talk without end"
    return world


def expected(events: list[LeadEvent]) -> dict[str, tuple[AnyFact, ...]]:
    """What counts for each lead, from the whole."""
    own = {key: [each for each in events if each.lead == key] for key in KEYS}
    histories = {key: History.of(each) for key, each in own.items() if each}
    found: dict[str, set[str]] = {key: set() for key in KEYS}
    for start in histories:
        reached: set[str] = set()
        border = [start]
        while border:
            lead = border.pop()
            facts = histories[lead].facts if lead in histories else ()
            steps = {fact.into for fact in facts if type(fact) is Merged} - reached - {start}
            reached |= steps
            border += steps
        for winner in reached:
            found[winner].add(start)
    known: dict[str, tuple[AnyFact, ...]] = {}
    for key in KEYS:
        mine = histories[key] if key in histories else History(key, "crm")
        arriving = [
            _Arriving(fact, histories[start].readings.get(fact.id, 0))
            for start in sorted(found[key])
            for fact in histories[start].facts
            if not isinstance(fact, Merged | Deleted)
        ]
        known[key] = accept(mine.facts, mine.readings, arriving, lambda each: each.fact)[0]
    return known


class _Arriving(msgspec.Struct):
    fact: AnyFact
    reading: int

    @property
    def id(self) -> str:
        return self.fact.id


@DETERMINED
@given(events=told(), data=st.data())
def test_every_lead_comes_to_know_what_the_whole_says(events: list[LeadEvent], data: st.DataObject) -> None:
    world = in_any_order(events, data)
    for key, facts in expected(events).items():
        assert world.histories.get(key, History(key, "crm")).facts == facts, key


@DETERMINED
@given(events=told(), data=st.data())
def test_no_order_makes_a_difference_to_a_verdict(events: list[LeadEvent], data: st.DataObject) -> None:
    one, other = in_any_order(events, data), in_any_order(data.draw(st.permutations(events)), data)
    now = BEGIN + timedelta(days=2)
    assert {key: each.facts for key, each in one.histories.items() if each.facts} == {
        key: each.facts for key, each in other.histories.items() if each.facts
    }
    for key, history in one.histories.items():
        if history.facts:
            again = other.histories[key]
            assert history.origins() == again.origins()
            verdict = kept_promises(judge(history, BY, now), history)
            assert kept_promises(judge(again, BY, now), again) == verdict


@DETERMINED
@given(events=told(), data=st.data())
def test_on_paper_the_same_is_known(events: list[LeadEvent], data: st.DataObject) -> None:
    leads: dict[str, list[LeadEvent]] = {}
    for event in events:
        leads.setdefault(event.lead, []).append(event)
    paper, world = join_all(leads), in_any_order(events, data)
    assert {key: each.facts for key, each in paper.items() if each.facts} == {
        key: each.facts for key, each in world.histories.items() if each.facts
    }


@DETERMINED
@given(events=told(), data=st.data())
def test_what_came_before_is_not_said_again(events: list[LeadEvent], data: st.DataObject) -> None:
    world = in_any_order(events, data)
    said = world.words
    for event in events:
        world.deliver(event)
    assert world.words == said, "a redelivery tells nobody anything"
    sizes = {key: len(each.to_bytes()) for key, each in world.histories.items()}
    for key in list(world.histories):
        late = Lead(key)
        late.touch("2024-01-08 08:01", activity=f"late-{key}")
        world.deliver(msgspec.structs.replace(late.events[0], id=f"late-{key}"))
        words = [word for word in world.under_way if isinstance(word, LeadJoined)]
        assert all(len(word.facts) <= 1 for word in words), "one new fact is one fact to tell"
        world.under_way.clear()
    for key, history in world.histories.items():
        assert len(history.to_bytes()) < sizes[key] + 200 * len(history.joined) + 300


def test_the_stories_hold_what_matters() -> None:
    """Else the properties above would hold for want of cases."""
    seen: set[str] = set()

    @settings(derandomize=True, deadline=None, max_examples=100, database=None)
    @given(events=told())
    def look(events: list[LeadEvent]) -> None:
        leads: dict[str, list[LeadEvent]] = {}
        for event in events:
            leads.setdefault(event.lead, []).append(event)
        histories = join_all(leads)
        for history in histories.values():
            seen.update(f"{len(each.route)} hops" for each in history.joined if each.stands)
            seen.update("withdrawn" for each in history.joined if not each.stands)
            seen.update(
                "joined touch" for fact in history.facts if type(fact) is Touch and fact.id in history.origins()
            )
            if any(type(fact) is Merged for fact in history.facts) and any(each.stands for each in history.joined):
                seen.add("chain or cycle")

    look()
    assert seen >= {"1 hops", "2 hops", "3 hops", "joined touch", "chain or cycle"}, seen
