"""A lead's attributes as they were at an instant, whatever the number of times that they were told."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from shared.events.lead import Scalar
from sla_engine.domain.facts import AnyFact, Attributes, Created

_FEW = 8


class Told:
    """What was told of a lead's attributes. One first told later counts as if it had been so before: until then it was
    unknown, not different."""

    __slots__ = ("_told", "_words")

    def __init__(self, facts: Sequence[AnyFact]) -> None:
        self._told: list[Created | Attributes] = [
            fact for fact in facts if type(fact) is Created or type(fact) is Attributes
        ]
        self._words: dict[str, tuple[list[int], list[Scalar]]] | None = None

    def at(self, instant_us: int) -> Mapping[str, Scalar]:
        """The attributes at an instant."""
        told = self._told
        if len(told) > _FEW:
            return _Then(self._by_name(), instant_us)
        attributes: dict[str, Scalar] = {}
        for fact in told:
            if not attributes:
                attributes = fact.attributes
            elif fact.at_us <= instant_us:
                attributes = attributes | fact.attributes
            else:
                attributes = fact.attributes | attributes
        return attributes

    def _by_name(self) -> dict[str, tuple[list[int], list[Scalar]]]:
        """For each attribute, when it was told, and what."""
        if self._words is None:
            self._words = {}
            for fact in self._told:
                for name, value in fact.attributes.items():
                    instants, values = self._words.setdefault(name, ([], []))
                    instants.append(fact.at_us)
                    values.append(value)
        return self._words


class _Then(Mapping[str, Scalar]):
    """The attributes at an instant, looked up only as they are asked for."""

    __slots__ = ("_instant_us", "_words")

    def __init__(self, words: Mapping[str, tuple[list[int], list[Scalar]]], instant_us: int) -> None:
        self._words = words
        self._instant_us = instant_us

    def __getitem__(self, name: str) -> Scalar:
        instants, values = self._words[name]
        return values[max(bisect_right(instants, self._instant_us) - 1, 0)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)
