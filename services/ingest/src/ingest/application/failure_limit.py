"""When most requests fail, the mapping is wrong, not the requests: stop instead of dead-lettering everything."""

from collections import Counter, deque

import msgspec

WINDOW = 200


class FailureLimit(msgspec.Struct, frozen=True, kw_only=True):
    """More than `ratio` of the last `WINDOW` requests, of which at least `requests` have been seen. 1: never."""

    ratio: float = 0.5
    requests: int = 100


class RecentOutcomes:
    """What became of the last requests: None, or why (and of which source) one failed."""

    def __init__(self, limit: FailureLimit) -> None:
        self._limit = limit
        self._recent: deque[tuple[str, str] | None] = deque(maxlen=WINDOW)
        self._failed = 0

    def note(self, failure: tuple[str, str] | None) -> None:
        """One more request; `failure` is (source, reason)."""
        if len(self._recent) == WINDOW and self._recent[0] is not None:
            self._failed -= 1
        self._recent.append(failure)
        self._failed += failure is not None

    def exceeded(self) -> str | None:
        """A sentence that says what fails most, if too many do."""
        seen = len(self._recent)
        if seen < self._limit.requests or self._failed <= self._limit.ratio * seen:
            return None
        most = Counter(failure for failure in self._recent if failure is not None).most_common(1)
        (source, reason), count = most[0]
        return (
            f"{self._failed} of the last {seen} requests could not be translated, {count} of them from source "
            f"'{source}' ({reason}). Try one with `ingest translate`, correct the sources file and start again; to "
            "dead-letter them all the same, set LEADPACT_INGEST_FAILURE_LIMIT_RATIO=1"
        )
