"""The agenda of one partition: which lead is to be judged next by time alone.

Only the near horizon is in memory; what lies behind it waits in the database and is loaded when it comes near. Memory
is bounded by the number of wake-ups in one horizon, and by `MOST_LOADED` at a time.
"""

import heapq
from collections.abc import Iterable

MOST_LOADED = 10_000
"""Wake-ups read from the database in one go, some 10 ms; a dense horizon is read in several."""


class Agenda:
    """Wake-ups before `known_until_us`, complete; later ones are not kept here.

    Instants are microseconds since the epoch. A lead has one wake-up; setting another replaces it. Replaced entries
    stay in the heap until they surface, and the heap is rebuilt when they outnumber the real ones.
    """

    __slots__ = ("_at", "_heap", "known_until_us")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []
        self._at: dict[int, int] = {}
        self.known_until_us = 0

    def __len__(self) -> int:
        return len(self._at)

    def loaded(self, wakeups: Iterable[tuple[int, int]], *, known_until_us: int) -> None:
        """What the database holds from `known_until_us` (as it was) up to the new one: pairs of instant and lead."""
        self.known_until_us = known_until_us
        for wake_us, lead in wakeups:
            self.set(lead, wake_us)

    def set(self, lead: int, wake_us: int | None) -> None:
        """The lead's wake-up is this one from now on; None: it has none."""
        if wake_us is None or wake_us >= self.known_until_us:
            self._at.pop(lead, None)
        elif self._at.get(lead) != wake_us:
            self._at[lead] = wake_us
            heapq.heappush(self._heap, (wake_us, lead))
            self._tidy()

    def next_us(self) -> int:
        """When this agenda wants to be looked at again: the first wake-up, or the end of what is known."""
        self._drop_replaced()
        return self._heap[0][0] if self._heap else self.known_until_us

    def due(self, until_us: int, *, limit: int) -> list[int]:
        """At most `limit` leads due at `until_us` or before, oldest first. They stay until `set` says otherwise."""
        found: dict[int, int] = {}
        self._drop_replaced()
        while self._heap and self._heap[0][0] <= until_us and len(found) < limit:
            wake_us, lead = heapq.heappop(self._heap)
            found[lead] = wake_us  # a lead set there and back again stands in the heap twice
            self._drop_replaced()
        for lead, wake_us in found.items():
            heapq.heappush(self._heap, (wake_us, lead))
        return list(found)

    def _drop_replaced(self) -> None:
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    def _tidy(self) -> None:
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._at):
            self._heap = [(wake_us, lead) for lead, wake_us in self._at.items()]
            heapq.heapify(self._heap)
