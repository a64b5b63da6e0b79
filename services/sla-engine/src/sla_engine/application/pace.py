"""How much to take from the log at once: little while live, much while behind."""

SMALLEST = 4_000
"""A first batch is committed within a fraction of a second, so a restart shows results at once."""


class Pace:
    """How many records the next fetch may bring; at most `most`, from `SMALLEST` on doubled while fetches come full.

    A lead is judged once a batch, however many of its events are in it, so a backlog is worked off faster in large
    batches. Live, a fetch brings what is there and this bound plays no part. A log may hand out less than it was asked
    for (Kafka's client keeps some megabytes a partition), so half of it counts as full.
    """

    __slots__ = ("_most", "records")

    def __init__(self, most: int) -> None:
        self._most = most
        self.records = min(SMALLEST, most)

    def brought(self, records: int) -> None:
        """So many came of the last fetch."""
        if records * 2 >= self.records:
            self.records = min(self.records * 2, self._most)
        elif records * 2 < SMALLEST:
            self.records = min(SMALLEST, self._most)
