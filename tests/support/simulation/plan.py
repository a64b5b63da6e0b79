"""What a seed means: the agreement, the leads, the machines, and which faults are let loose in which measure.

Each run has its own few kinds of faults (and some runs have none): faults that are always all there hide each other.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from sla_engine.application.partition import Limits
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.editions import OpenChoice
from sla_engine.domain.instants import SECOND
from tests.support.simulation.cells import Cell
from tests.support.simulation.chance import Chance
from tests.support.simulation.papers import LONGEST_SECONDS, paper, shape
from tests.support.simulation.store import StoreFaults
from tests.support.simulation.stories import Arrival, Story, last_instant
from tests.support.simulation.stream import StreamFaults


class Fault(enum.Enum):
    """What is done to the world at an instant."""

    KILL = enum.auto()
    KILL_ALL = enum.auto()
    FREEZE = enum.auto()
    SLOW = enum.auto()
    CLOCK = enum.auto()
    CUT_LOG = enum.auto()
    CUT_DATABASE = enum.auto()
    DATABASE_DOWN = enum.auto()
    LOG_DOWN = enum.auto()
    EXPEL = enum.auto()
    REBALANCE = enum.auto()
    SCALE = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run before it begins. Seconds count from its beginning."""

    seed: int
    agreement: Agreement
    edits: list[tuple[float, Agreement, OpenChoice]]
    """Other agreements, when they are applied, and what they mean for open promises."""
    machines: int
    partitions: int
    limits: Limits
    fetch_records: int
    arrivals: list[Arrival]
    faults: list[tuple[float, Fault]]
    stream: StreamFaults
    store: StoreFaults
    markers: float
    session_seconds: float
    quiet_at: float
    """From then on nothing goes wrong any more."""
    end: float
    cell: Cell | None = None


def plan(seed: int, chance: Chance, kinds: Sequence[Fault] | None = None, *, edits: bool = False) -> Plan:
    """Draw a plan. `kinds`: just these faults strike, in every run. `edits`: the agreement is edited in every run."""
    agreement = paper(shape(chance))
    span = chance.pick((30.0, 60.0, 120.0))
    names = [f"crm:acc:lead-{at}" for at in range(chance.pick((1, 2, 4, 8)))]
    stories = [Story(name, chance, span_seconds=span, others=[*names, "crm:acc:unknown"]) for name in names]
    odd = chance.happens(0.15)
    arrivals: list[Arrival] = []
    for story in stories:
        story.tell()
        story.aim(agreement)
        if chance.happens(0.04):
            story.forget()
        arrivals += story.arrivals()
        if odd and chance.happens(0.5):
            arrivals.append(story.unstorable())
    if odd:
        arrivals.append(Arrival(chance.between(0, span), None))
    arrivals.sort(key=lambda arrival: arrival.at_seconds)
    told_by = max([arrival.at_seconds for arrival in arrivals], default=0.0)
    editions = _edits(chance, told_by) if edits or chance.happens(0.25) else []
    faults = _faults(chance, told_by, kinds)
    quiet_at = max([told_by, *(at for at, _ in faults), *(at for at, _, _ in editions)]) + 5
    happened_by = max([quiet_at, *(last_instant(story.events) for story in stories)])
    wild = chance.happens(0.6)
    return Plan(
        seed=seed,
        agreement=agreement,
        edits=editions,
        machines=chance.pick((1, 2, 2, 3)),
        partitions=chance.pick((1, 2, 3)),
        limits=Limits(
            batch_leads=chance.pick((1, 2, 1000)),
            horizon_us=chance.pick((2, 20, 600)) * SECOND,
            cached_leads=chance.pick((1, 3, 2000)),
        ),
        fetch_records=chance.pick((1, 1, 3, 10, 2000)),
        arrivals=arrivals,
        faults=faults,
        stream=StreamFaults(
            unavailable=0.02 * wild * chance.pick((0, 0, 1)),
            rebalance=0.05 * wild * chance.pick((0, 0, 1)),
            zombie_seconds=chance.pick((0.0, 3.0, 20.0)),
            eager=chance.happens(0.4),
            patience=chance.pick((1.0, 4.0, 10.0, 20.0)),
        ),
        store=StoreFaults(
            unavailable=0.02 * wild * chance.pick((0, 0, 1)),
            answer_lost=0.1 * wild * chance.pick((0, 0, 1)),
            killed_at_commit=0.1 * wild * chance.pick((0, 0, 1)),
        ),
        markers=chance.pick((0.0, 0.3, 0.9)),
        session_seconds=chance.pick((0.0, 2.0, 8.0)),
        quiet_at=quiet_at,
        end=happened_by + LONGEST_SECONDS + 100,
    )


def _edits(chance: Chance, told_by: float) -> list[tuple[float, Agreement, OpenChoice]]:
    at = sorted([chance.between(0, told_by + 20) for _ in range(chance.pick((1, 1, 2, 3)))])
    return [(each, paper(shape(chance)), chance.pick(tuple(OpenChoice))) for each in at]


def _faults(chance: Chance, told_by: float, kinds: Sequence[Fault] | None) -> list[tuple[float, Fault]]:
    counts: tuple[int, ...] = (3, 6, 12)
    if kinds is None:
        kinds, counts = chance.shuffled(list(Fault))[: chance.pick((0, 1, 2, 4))], (1, 3, 6, 12)
    if not kinds:
        return []
    return sorted(
        [(chance.between(0, told_by + 40), chance.pick(kinds)) for _ in range(chance.pick(counts))],
        key=lambda each: each[0],
    )
