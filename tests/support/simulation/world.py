"""One run: the machines, the processes on them, what is done to them, and the verdict on it all."""

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import structlog

from shared.events import lead as lead_events
from shared.events.lead import LeadEvent
from shared.events.sla import event_type
from shared.streams.partitioning import partition_for
from sla_engine.application.advance import Step
from sla_engine.application.engine import Engine
from sla_engine.application.in_force import Archive, InForce
from sla_engine.application.ports import Commit, StoreUnavailable
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.editions import Editions, OpenChoice
from sla_engine.domain.instants import from_us
from tests.support.simulation.cells import MOST_DEEDS, Cell, Deed
from tests.support.simulation.chance import Chance
from tests.support.simulation.checker import Checker
from tests.support.simulation.database import Database
from tests.support.simulation.group import Group
from tests.support.simulation.log import Log
from tests.support.simulation.loop import RUNNER, VirtualLoop
from tests.support.simulation.nemesis import Nemesis
from tests.support.simulation.plan import Fault, Plan, plan
from tests.support.simulation.process import Machine, Process, true_time
from tests.support.simulation.store import SimulatedStore
from tests.support.simulation.stories import Arrival
from tests.support.simulation.stream import SimulatedStream

STOPPING_SECONDS = 60.0


@dataclass(kw_only=True)
class Outcome:
    """What came of a run."""

    seed: int
    violations: list[str]
    commits: int
    steps: int
    seconds: float
    deeds: int = 0
    trace: list[str] = field(default_factory=list)


class _Nobody:
    """A watcher that does not look."""

    def took(self, **_told: object) -> None:
        """Nothing."""

    def stepped(self, step: Step, *, committed_us: int) -> None:
        """Nothing."""

    def owns(self, partitions: Sequence[int]) -> None:
        """Nothing."""

    def gave_up(self, reason: str) -> None:
        """Nothing."""


class World:
    """See the module. Everything that is drawn is drawn from the plan's chance."""

    def __init__(self, made: Plan, chance: Chance) -> None:
        self._plan = made
        self._chance = chance
        self.loop = VirtualLoop(chance)  # type: ignore[abstract] # of what a loop can do it does what is needed here
        self.database = Database(self._now_us, made.agreement)
        self.log = Log(made.partitions, loop=self.loop, chance=chance, markers=made.markers)
        self.group = Group(made.partitions, loop=self.loop, chance=chance)
        self.checker = Checker(database=self.database, log=self.log, loop=self.loop)
        self.machines = [Machine(f"m{at}", self.loop) for at in range(made.machines)]
        self.running: dict[str, tuple[Process, asyncio.Event, asyncio.Task[None]]] = {}
        self._lives = 0
        self._quiet = False
        self.absent: set[str] = set()
        self._relayed_until = 0.0
        self.deeds = 0
        self.trace: list[str] = []

    async def run(self) -> None:
        """From the beginning to the end of the plan, and the last checks."""
        for machine in self.machines:
            self._start(machine)
        for arrival in self._plan.arrivals:
            self.loop.call_later(arrival.at_seconds, self._append, arrival)
        nemesis = Nemesis(self, session_seconds=self._plan.session_seconds, chance=self._chance)
        for at, fault in self._plan.faults:
            self.loop.call_later(at, nemesis.strike, fault)
        for at, agreement, open_ in self._plan.edits:
            self.loop.call_later(at, self._edit, agreement, open_)
        await asyncio.sleep(self._plan.quiet_at)
        self._heal()
        await asyncio.sleep(self._plan.end - self._plan.quiet_at)
        for _, stop, _ in self.running.values():
            stop.set()
        await asyncio.wait([task for _, _, task in self.running.values()], timeout=STOPPING_SECONDS)
        for process, _, task in self.running.values():
            if not task.done():
                self.checker.violations.append(f"{process} does not stop")
        self.checker.violations += [f"nobody caught: {each}" for each in self.loop.complaints]
        self.checker.finished(self._plan.end)

    def processes(self) -> list[Process]:
        """The latest process of each machine."""
        return [process for process, _, _ in self.running.values()]

    def ask_to_stop(self, machine: Machine) -> None:
        """As SIGTERM does."""
        self.running[machine.name][1].set()

    def clear_away(self) -> None:
        """After the run: nobody lives, and what they left behind goes."""
        for process, _, _ in self.running.values():
            process.dead = True
        self.loop.clear_away()

    def _now_us(self) -> int:
        return round(true_time(self.loop).timestamp() * 1e6)

    def note(self, what: str) -> None:
        """For whoever replays the run."""
        self.trace.append(f"{self.loop.time():12.6f}  {what}")

    def _relay(self, word: LeadEvent) -> None:
        """What a commit left in the outbox for other leads: published in order, now and then twice."""
        copies = self._chance.pick((1, 1, 1, 2)) if not self._quiet else 1
        for _ in range(copies):
            self._relayed_until = max(self._relayed_until, self.loop.time() + self._chance.latency())
            self.loop.call_at(self._relayed_until, self._append, Arrival(0.0, word))

    def _append(self, arrival: Arrival) -> None:
        event = arrival.event
        key, value = (b"?", b"{") if event is None else (event.lead.encode(), lead_events.encode(event))
        number = partition_for(key, len(self.log.partitions))
        offset = self.log.partitions[number].end
        self.checker.appended(event, number, offset, good=arrival.storable)
        self.log.append(key, value)
        told = "unreadable" if event is None else f"{event.id} {lead_events.event_type(event)} of {event.at.time()}"
        self.note(f"log {number}/{offset}: {told}")

    def _start(self, machine: Machine) -> None:
        self._lives += 1
        process = Process(machine, self._lives, loop=self.loop, chance=self._chance, died=self._died)
        process.reaches = partial(self._reached, process)
        stop = asyncio.Event()
        context = contextvars.copy_context()
        context.run(RUNNER.set, process)
        task = self.loop.create_task(self._live(process, stop), context=context)
        task.add_done_callback(lambda done: self._ended(process, done), context=contextvars.copy_context())
        self.running[machine.name] = process, stop, task
        self.note(f"{process} starts")

    def _reached(self, process: Process, point: str) -> None:
        """Where a process is: the place for the deed of a cell."""
        cell = self._plan.cell
        if cell is None or cell.point != point or self._quiet or self.deeds == MOST_DEEDS:
            return
        if self._chance.happens(0.25):
            self.deeds += 1
            self.note(f"cell: {point}: {process} {cell.deed.value}")
            self._do(process, cell.deed)

    def _do(self, process: Process, deed: Deed) -> None:
        until, machine = self.loop.time() + 3.0, process.machine
        match deed:
            case Deed.DIES:
                process.die()
            case Deed.FROZEN:
                process.freeze(20.0)
                self.expel(process)
            case Deed.CUT_OFF:
                machine.no_database_until = until
            case Deed.LOSES_THE_LOG:
                machine.no_log_until = until
            case Deed.REBALANCED:
                self.group.share()
            case Deed.EXPELLED:
                self.expel(process)
            case Deed.CLOCK_AHEAD:
                machine.set_clock(3600.0)
            case Deed.CLOCK_BACK:
                machine.set_clock(-3600.0 if self._chance.happens(0.5) else 0.0)

    async def _live(self, process: Process, stop: asyncio.Event) -> None:
        """What `main` does: read the editions, then run the engine beside whatever listens for new ones."""
        made = self._plan
        stream = SimulatedStream(
            log=self.log, group=self.group, process=process, loop=self.loop, chance=self._chance, faults=made.stream
        )
        store = SimulatedStore(
            database=self.database,
            process=process,
            loop=self.loop,
            chance=self._chance,
            faults=made.store,
            committed=self._committed,
        )
        in_force = InForce(await _first_editions(store), cast("Archive", store))
        engine = Engine(
            stream=stream,
            store=store,
            in_force=in_force,
            watcher=_Nobody(),
            clock=process.machine.clock,
            limits=made.limits,
            owner=process.name,
            fetch_records=made.fetch_records,
        )
        watch = asyncio.create_task(self._watch(in_force))
        await engine.run(stop)
        watch.cancel()

    async def _watch(self, in_force: InForce) -> None:
        """Hear of new editions, sooner or later."""
        while self._plan.edits:
            await asyncio.sleep(self._chance.between(0.1, 40.0))
            with contextlib.suppress(StoreUnavailable):
                await in_force.renew()

    def _edit(self, agreement: Agreement, open_: OpenChoice) -> None:
        self.note(f"edition {self.database.editions.newest.number + 1} is applied: {open_.value}")
        self.database.edit(agreement, open_)

    def _ended(self, process: Process, task: "asyncio.Task[None]") -> None:
        if not process.dead and not task.cancelled() and (error := task.exception()) is not None:
            self.checker.died(process, error)
            process.die()

    def _died(self, process: Process) -> None:
        """The group notices after a while; whatever supervises the process starts it again."""
        self.note(f"{process} dies")
        self.loop.abandon(process)
        token = RUNNER.set(None)
        try:
            expiry = self._chance.pick((0.0, self._plan.session_seconds))
            self.loop.call_later(expiry, self.expel, process)
            down = self._chance.pick((0.1, 1.0, 5.0, 70.0))
            self.loop.call_later(1.0 if self._quiet else down, self.restart, process.machine)
        finally:
            RUNNER.reset(token)

    def restart(self, machine: Machine) -> None:
        """Start an engine where one died, unless its replica was taken away."""
        if self.running[machine.name][0].dead and machine.name not in self.absent:
            self._start(machine)

    def expel(self, process: Process) -> None:
        """End its sessions; it is not told."""
        for member in self.group.sessions(process):
            self.note(f"the group goes on without {process}")
            self.group.leave(member)

    def _committed(self, process: Process, commit: Commit, ids: Mapping[str, int]) -> None:
        self.checker.committed(process, commit, ids)
        self.note(f"{process} commits {_told(commit)}")
        for step in commit.steps:
            for word in step.passes_on:
                self._relay(word)

    def _heal(self) -> None:
        """From now on nothing goes wrong any more."""
        self.note("quiet")
        self._quiet = True
        self.absent.clear()
        self._plan.stream.cease()
        self._plan.store.cease()
        for machine in self.machines:
            machine.set_clock(0.0)
            machine.no_log_until = machine.no_database_until = 0.0
        for process, stop, task in list(self.running.values()):
            process.dies_in, process.slow_seconds = None, 0.0
            if process.dead or stop.is_set() or task.done():
                process.die()
                self.restart(process.machine)


async def _first_editions(store: SimulatedStore) -> Editions:
    while True:
        with contextlib.suppress(StoreUnavailable):
            found = await store.editions()
            assert found is not None
            return found
        await asyncio.sleep(1)


def _told(commit: Commit) -> str:
    said = [
        f"{event.lead.rpartition(':')[2]} {event.clock} {event_type(event).removeprefix('obligation.')}"
        for step in commit.steps
        for event in step.said
    ]
    leads = [step.after.key.rpartition(":")[2] for step in commit.steps]
    return f"{commit.partition}@{commit.position} through {from_us(commit.through_us).time()}: {leads} {said}"


def run(seed: int, kinds: Sequence[Fault] | None = None, *, edits: bool = False, cell: Cell | None = None) -> Outcome:
    """The run of this seed.

    With `kinds` another, in which just these faults strike; with `edits` one with editions; with `cell` one of at least
    two machines, in which that happens there, a few times.
    """
    chance = Chance(seed)
    made = plan(seed, chance, kinds, edits=edits)
    made = made if cell is None else replace(made, cell=cell, machines=max(made.machines, 2))
    world = World(made, chance)
    with _silent():
        world.loop.run_until_complete(world.run())
        world.clear_away()
    return Outcome(
        seed=seed,
        violations=world.checker.violations,
        commits=world.checker.commits,
        steps=world.loop.steps,
        seconds=world.loop.time(),
        deeds=world.deeds,
        trace=world.trace,
    )


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Thousands of faults would be told in thousands of lines."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
