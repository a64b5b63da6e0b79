"""What the pure core costs: judging and announcing a typical lead, and single operations of a calendar.

Run it: `python -m tests.bench.judge`. Single-threaded, processor time; each figure is the best of five rounds.
"""

import time
import timeit
from collections.abc import Callable
from datetime import timedelta

from sla_engine.domain.announced import Announced
from sla_engine.domain.announcement import announce, next_wake
from sla_engine.domain.history import History
from sla_engine.domain.instants import HOUR, to_us
from sla_engine.domain.judgement import judge
from tests.support.story_builder import QUEUE, Lead, agreement, utc


def typical() -> Lead:
    """Six events: created, qualified, in a queue, owned, and two calls."""
    lead = Lead()
    lead.created("2024-01-08 10:00", {"name": "Ada Lovelace", "size": "5000", "industry": "banking"})
    lead.stage("2024-01-08 10:00")
    lead.owner("2024-01-08 10:00", QUEUE)
    lead.owner("2024-01-08 10:20")
    lead.touch("2024-01-08 10:31", completed=False, activity="call-1")
    lead.touch("2024-01-08 10:50", activity="call-2")
    return lead


def measure(function: Callable[[], object], number: int = 5000) -> float:
    """Microseconds a call, the best of five rounds."""
    return min(timeit.repeat(function, timer=time.process_time, number=number, repeat=5)) / number * 1e6


def figures() -> dict[str, float]:
    """Every figure by name, in microseconds (or bytes, where the name says so)."""
    by = agreement(warnings='"50%", "75%"')
    lead = typical()
    now = utc("2024-01-08 10:50:01")
    history = History.of(lead.events)
    before = History.of(lead.events[:-1])
    stored = before.to_bytes()
    known = announce(Announced(), judge(before, by, utc("2024-01-08 10:35")), utc("2024-01-08 10:35"))[1]
    verdict = judge(history, by, now)
    said, after = announce(known, verdict, now)
    assert [each.clock for each in said] == ["first_touch", "first_touch"], "late by then: breached and met late"
    quiet = now + timedelta(seconds=1)
    week = by.calendars["office"]
    start, end = to_us(utc("2024-01-05 16:30")), to_us(utc("2024-01-16 11:00"))

    def whole() -> bytes:
        stored_history = History.from_bytes(stored)
        changed, _ = stored_history.with_events(lead.events[-1:])
        found = judge(changed, by, now)
        _, told = announce(known, found, now)
        next_wake(found, told, now)
        return changed.to_bytes() + told.to_bytes()

    return {
        "judge, 6 events, both clocks": measure(lambda: judge(history, by, now)),
        "announce, two events said": measure(lambda: announce(known, verdict, now)),
        "announce, nothing new": measure(lambda: announce(after, verdict, quiet)),
        "next_wake": measure(lambda: next_wake(verdict, after, now)),
        "judge + announce (two said)": measure(lambda: announce(known, judge(history, by, now), now)),
        "judge + announce (nothing new)": measure(lambda: announce(after, judge(history, by, quiet), quiet)),
        "bytes → event → judge → announce → bytes": measure(whole),
        "history from bytes": measure(lambda: History.from_bytes(stored)),
        "history with one more event": measure(lambda: before.with_events(lead.events[-1:])),
        "history to bytes": measure(history.to_bytes),
        "history, bytes stored": float(len(history.to_bytes())),
        "announced, bytes stored": float(len(after.to_bytes())),
        "calendar.add over a weekend": measure(lambda: week.add(start, HOUR), 50000),
        "calendar.elapsed over a week": measure(lambda: week.elapsed(start, end), 50000),
        "calendar.is_open": measure(lambda: week.is_open(start), 50000),
    }


def main() -> None:
    """Print the figures."""
    for name, figure in figures().items():
        print(f"{name:<44}{figure:>10.2f}")


if __name__ == "__main__":
    main()
