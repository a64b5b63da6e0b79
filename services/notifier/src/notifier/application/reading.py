"""Whether this process has read what there is to read: before that nothing is said.

What is planned may be overtaken by an event that is in the log already, and not read yet: after an outage, by hundreds.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.streams.port import Fetch

FRESH = timedelta(seconds=5)
"""The log counts as read while it was at its end within the last seconds; a look at it takes one."""
LONGEST_HOLD = timedelta(seconds=60)
"""A log that can't be read, or is written faster than it is read, holds messages up for so long and no longer."""


class Reading:
    """How far the owned partitions are read. Each process knows of its own only."""

    def __init__(self) -> None:
        self._joined = False
        self._through: dict[int, datetime | None] = {}
        self._behind_since: datetime | None = None

    def owns(self, partitions: Sequence[int]) -> None:
        """These came to be owned: nobody knows yet how much of them is unread."""
        self._joined = True
        self._through.update(dict.fromkeys(partitions))

    def owns_no_more(self, partitions: Sequence[int]) -> None:
        """These are another process's now."""
        for partition in partitions:
            self._through.pop(partition, None)

    def took(self, fetch: Fetch) -> None:
        """What was fetched is stored."""
        if fetch.partition in self._through:
            self._through[fetch.partition] = fetch.read_through

    def may_speak(self, now: datetime) -> bool:
        """Whether everything was read lately, or has been waited for long enough."""
        if self._joined and all(_is_fresh(through, now) for through in self._through.values()):
            self._behind_since = None
            return True
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since >= LONGEST_HOLD


def _is_fresh(through: datetime | None, now: datetime) -> bool:
    return through is not None and now - through <= FRESH
