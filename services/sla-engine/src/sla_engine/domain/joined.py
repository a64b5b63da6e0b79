"""Joined histories: what a winning lead knows of the leads that were merged into it, by the way it came.

What came by one route is a set of facts that only grows, of which the later reading and the later report count, and a
register of whether each merge on the route stands. Both give the same for every order and number of arrivals.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self, TypeVar

import msgspec

from shared.events.lead import JoinEdge, LeadJoined
from sla_engine.domain.facts import ORDER, AnyFact, Deleted, Merged, Touch

MOST_HOPS = 32
"""Merges in a row along which facts are passed on."""


class Edge(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whether a merge stands, and since when the lead is gone. See `shared.events.lead.JoinEdge`."""

    version: int
    stands: bool
    at_us: int

    def newer(self, other: "Edge") -> "Edge":
        """Which of two words about one merge counts."""
        mine, its = (self.version, self.stands, -self.at_us), (other.version, other.stands, -other.at_us)
        return self if mine >= its else other


class Joined(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What came by one route: from its first lead, over the others, which stand merged each into the next."""

    route: tuple[str, ...]
    edges: tuple[Edge, ...]
    facts: tuple[AnyFact, ...] = ()
    readings: dict[str, int] = {}

    @property
    def stands(self) -> bool:
        """Whether its facts count."""
        return all(edge.stands for edge in self.edges)

    @property
    def origin(self) -> str:
        """The lead whose facts these are."""
        return self.route[0]

    @property
    def gone_us(self) -> int:
        """When that lead was merged away."""
        return self.edges[0].at_us

    def with_word(self, word: LeadJoined) -> Self:
        """With one more word about this route. Raises `ValueError` where it is none."""
        edges = tuple([mine.newer(its) for mine, its in zip(self.edges, edges_of(word), strict=True)])
        if not all(edge.stands for edge in edges):
            return type(self)(self.route, edges)  # should it stand again, everything is told again
        facts, readings, _ = accept(self.facts, self.readings, told(_facts(word), word.readings), _itself)
        return type(self)(self.route, edges, facts, readings)


class Told(msgspec.Struct, frozen=True, gc=False):
    """A fact on its way into a history, with its reading."""

    fact: AnyFact
    reading: int

    @property
    def id(self) -> str:
        """The event's."""
        return self.fact.id


def told(facts: Iterable[AnyFact], readings: Mapping[str, int]) -> list[Told]:
    """Facts with their readings."""
    return [Told(fact, readings.get(fact.id, 0)) for fact in facts]


def edges_of(word: LeadJoined) -> list[Edge]:
    """The edges of a route. Raises `ValueError` where the word makes no sense."""
    if not word.route or len(word.route) != len(word.edges) or len(set(word.route)) != len(word.route):
        raise ValueError(f"a route of {len(word.route)} leads with {len(word.edges)} edges is none")
    return [Edge(edge.version, edge.stands, edge.at_us) for edge in word.edges]


def on_wire(edges: Iterable[Edge]) -> tuple[JoinEdge, ...]:
    """The edges as an event has them."""
    return tuple([JoinEdge(version=edge.version, stands=edge.stands, at_us=edge.at_us) for edge in edges])


def take_in(joined: Sequence[Joined], words: Iterable[LeadJoined], *, lead: str) -> tuple[Joined, ...]:
    """What is known by all routes, with these words; sorted by route. A way that leads back through `lead` is none."""
    routes = {each.route: each for each in joined}
    for word in words:
        if lead in word.route or len(word.route) > MOST_HOPS:
            continue
        known = routes.get(word.route) or Joined(word.route, tuple(edges_of(word)))
        routes[word.route] = known.with_word(word)
    return tuple([routes[route] for route in sorted(routes)])


def effective(
    own: tuple[AnyFact, ...], readings: Mapping[str, int], joined: Iterable[Joined]
) -> tuple[tuple[AnyFact, ...], dict[str, str]]:
    """All facts that count for a lead, its own and the joined ones, and from which lead each joined one came.

    Of one event known twice the later reading counts, then the lead's own, then the first route's. Of one activity the
    latest report counts, wherever it came from.
    """
    came: dict[int, str] = {}
    arriving: list[Told] = []
    for each in joined:
        if each.stands:
            counting = [fact for fact in each.facts if type(fact) is not Merged and type(fact) is not Deleted]
            arriving += told(counting, each.readings)
            came.update({id(fact): each.origin for fact in counting})
    facts, _, _ = accept(own, readings, arriving, _itself)
    return facts, {fact.id: came[id(fact)] for fact in facts if id(fact) in came}


Arrival = TypeVar("Arrival")


def accept(
    known_facts: tuple[AnyFact, ...],
    readings: Mapping[str, int],
    arriving: Iterable[Any],
    fact_of: Callable[[Any], AnyFact],
) -> tuple[tuple[AnyFact, ...], dict[str, int], bool]:
    """Sorted facts with what arrives (each with `id` and `reading`), the readings, and whether that changed them."""
    facts = {fact.id: fact for fact in known_facts}
    touches = {fact.touch: fact for fact in known_facts if type(fact) is Touch}
    read: Mapping[str, int] = readings
    changed, in_order = False, True
    latest_us = known_facts[-1].at_us if known_facts else None
    for each in arriving:
        known = facts.get(each.id)
        if known is not None and each.reading <= read.get(each.id, 0):
            continue
        fact = fact_of(each)
        if known is not None:
            _remove(known, facts, touches)
            changed = True
        if type(fact) is Touch:
            earlier = touches.get(fact.touch)
            if earlier is not None and _report(earlier) >= _report(fact):
                continue
            if earlier is not None:
                del facts[earlier.id]
            touches[fact.touch] = fact
        facts[fact.id] = fact
        changed = True
        in_order = in_order and (latest_us is None or fact.at_us > latest_us)  # at the end of `facts`, and later
        latest_us = fact.at_us
        if each.reading:
            if read is readings:
                read = dict(readings)
            read[each.id] = each.reading  # type: ignore[index] # it is the copy
    if not changed:
        return known_facts, readings, False  # type: ignore[return-value] # what a history keeps is a dictionary
    ordered = facts.values() if in_order else sorted(facts.values(), key=_place)
    return tuple(ordered), read, True  # type: ignore[return-value] # same


def _itself(arrival: Told) -> AnyFact:
    return arrival.fact


_facts_type = tuple[AnyFact, ...]


def _facts(word: LeadJoined) -> tuple[AnyFact, ...]:
    """Raises `msgspec.ValidationError`."""
    facts: tuple[AnyFact, ...] = msgspec.convert(word.facts, _facts_type)
    return facts


def _remove(fact: AnyFact, facts: dict[str, AnyFact], touches: dict[str, Touch]) -> None:
    """Make room for a later reading of the same event."""
    del facts[fact.id]
    if type(fact) is Touch:
        del touches[fact.touch]


def _place(fact: AnyFact) -> tuple[int, int, str]:
    return fact.at_us, ORDER[type(fact)], fact.id


def _report(touch: Touch) -> tuple[int, str]:
    """Later reports of an activity are greater."""
    return touch.reported_us, touch.id
