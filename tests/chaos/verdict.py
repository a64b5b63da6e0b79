"""After a run: wait for the last announcement, then compare everything with the oracle."""

import datetime as dt
import statistics
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise

from shared.events.sla import ObligationBreached
from tests.chaos import observer
from tests.chaos.checker import Logged, check
from tests.chaos.load import Load
from tests.chaos.promises import Promises
from tests.chaos.stage import Stage

SILENCE_SECONDS = 10.0
PATIENCE_SECONDS = 60.0


async def judge_run(stage: Stage, promises: Promises, load: Load) -> None:
    """Fails with what was lost, doubled or false. Waits as long as anything new is announced, however slow that is."""
    log = await observer.read_log(stage.stream, load.acknowledged)
    announcements = observer.Announcements(promises, log)
    if await announcements.read_until_settled(stage.stream, patience_seconds=PATIENCE_SECONDS):
        await observer.settled(stage.database.url, within_seconds=PATIENCE_SECONDS)
    await announcements.read_rest(stage.stream)
    findings = check(promises, log, announcements.records)
    await observer.compare_database(stage.database.url, promises, log, findings)
    tell(figures(stage, load, announcements, log))
    tell(str(findings))
    assert findings.none, str(findings)


def figures(
    stage: Stage, load: Load, announcements: observer.Announcements, log: Mapping[str, Sequence[Logged]]
) -> str:
    """What happened, in numbers."""
    fenced = sum(engine.log.read_text(errors="replace").count("engine_fenced") for engine in stage.engines)
    breaches = [each.event for each in announcements.records if isinstance(each.event, ObligationBreached)]
    late = sorted((each.announced_at - each.deadline).total_seconds() for each in breaches)
    standing, median = announcements.standing, f"{statistics.median(late):.1f}"
    return "\n".join(
        [
            f"leads: {len(log)}, records: {sum(map(len, log.values()))}, of them appended again: {load.repeated}",
            f"announcements: {len(standing.seen)}, taken back: {len(standing.taken_back)}",
            f"published again and dropped: {standing.dropped}",
            f"commits of zombies refused: {fenced}",
            f"silent for more than {SILENCE_SECONDS:g} s: {silences(announcements, began=load.began)}",
            f"breaches: {len(breaches)}, a median of {median} s after their deadline, at most {late[-1]:.1f} s",
        ]
    )


def silences(announcements: observer.Announcements, *, began: dt.datetime) -> str:
    """When nothing at all was announced for long, in seconds since the load began."""
    said = sorted({each.event.announced_at for each in announcements.records})
    gaps = [
        f"{(start - began).total_seconds():.0f}-{(end - began).total_seconds():.0f}"
        for start, end in pairwise(said)
        if (end - start).total_seconds() > SILENCE_SECONDS
    ]
    return ", ".join(gaps) or "never"


def tell(text: str) -> None:
    """For whoever runs it; pytest shows it where the test fails, `make chaos` always."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
