"""The gate: up to which instant everything appended to a partition has been handed out.

A probe asks the log for its end, and its instant is taken *before* the question is sent. Whatever was acknowledged to
its producer before that instant lies before the end that comes back; so once the position has reached that end, all of
it has been handed out. The answer's own arrival would be too late an instant: a record may be appended and acknowledged
between the log's look and the answer's arrival.
"""

from collections import deque
from datetime import datetime

MOST_PENDING = 64
"""Probes kept per partition while the consumer lags; later ones are not taken until an earlier one is reached."""


class Gate:
    """The gate of one owned partition. Begins closed (None) with each ownership, and moves back for one reason only.

    Should the clock be set back, the gate closes until the log's end is reached anew: an instant that a clock named
    while it was ahead would be taken for knowledge of hours that have not come yet.
    """

    __slots__ = ("_pending", "read_through")

    def __init__(self) -> None:
        self._pending: deque[tuple[datetime, int]] = deque()
        self.read_through: datetime | None = None

    def probed(self, asked_at: datetime, end: int) -> None:
        """The log was asked at `asked_at` (or later) and answered that it ended at `end`."""
        latest = self._pending[-1][0] if self._pending else self.read_through
        if latest is not None and asked_at < latest:
            self._pending.clear()
            self.read_through = None
        if len(self._pending) < MOST_PENDING:
            self._pending.append((asked_at, end))

    def reached(self, position: int) -> datetime | None:
        """Everything before `position` is handed out; returns how far the gate is open."""
        while self._pending and self._pending[0][1] <= position:
            asked_at, _ = self._pending.popleft()
            if self.read_through is None or asked_at > self.read_through:
                self.read_through = asked_at
        return self.read_through
