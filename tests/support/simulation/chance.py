"""The one source of everything that is drawn in a run."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Seeded. Draw only what the run's own course asks for: never in code that the garbage collector may run."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return probability > 0 and self._dice.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[int(self._dice.random() * len(choices))]

    def weighed(self, choices: Sequence[tuple[int, T]]) -> T:
        """One of them, by weight."""
        return self._dice.choices([each for _, each in choices], [weight for weight, _ in choices])[0]

    def between(self, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        return self._dice.uniform(low, high)

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return self._dice.randint(low, high)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The same in another order."""
        return self._dice.sample(items, len(items))

    def latency(self) -> float:
        """Seconds that an answer takes: mostly none to speak of, now and then long."""
        fate = self._dice.random()
        if fate < 0.4:
            return 0.0
        if fate < 0.97:
            return self._dice.random() * 0.02
        return self._dice.random() * 2.0
