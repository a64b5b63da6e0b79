"""Who does bad things to a world, one at a time, when the plan says so."""

from collections.abc import Callable, Mapping
from typing import Protocol

from tests.support.simulation.chance import Chance
from tests.support.simulation.group import Group
from tests.support.simulation.loop import VirtualLoop
from tests.support.simulation.plan import Fault
from tests.support.simulation.process import Machine, Process

CLOCK_STEPS_SECONDS = (0.0, -0.5, 0.5, -20.0, 20.0, -3600.0, 3600.0)
LASTS_SECONDS = (0.5, 3.0, 20.0)


class Victim(Protocol):
    """The world, as far as it can be hurt."""

    loop: VirtualLoop
    group: Group
    machines: list[Machine]
    absent: set[str]

    def processes(self) -> list[Process]:
        """The latest process of each machine."""
        ...

    def expel(self, process: Process) -> None:
        """End its sessions; it is not told."""
        ...

    def restart(self, machine: Machine) -> None:
        """Start an engine where there is none."""
        ...

    def ask_to_stop(self, machine: Machine) -> None:
        """As SIGTERM does."""
        ...

    def note(self, what: str) -> None:
        """For whoever replays the run."""
        ...


class Nemesis:
    """Each fault is a method; what it draws it draws when it strikes."""

    def __init__(self, world: Victim, *, session_seconds: float, chance: Chance) -> None:
        self._world = world
        self._session_seconds = session_seconds
        self._chance = chance
        self._deeds: Mapping[Fault, Callable[[Process], None]] = {
            Fault.KILL: self._kill,
            Fault.KILL_ALL: self._kill_all,
            Fault.FREEZE: self._freeze,
            Fault.SLOW: self._slow,
            Fault.CLOCK: self._clock,
            Fault.CUT_LOG: self._cut_log,
            Fault.CUT_DATABASE: self._cut_database,
            Fault.LOG_DOWN: self._log_down,
            Fault.DATABASE_DOWN: self._database_down,
            Fault.EXPEL: world.expel,
            Fault.REBALANCE: self._rebalance,
            Fault.SCALE: self._scale,
        }

    def strike(self, fault: Fault) -> None:
        """Do this to the world now, or to one of its processes."""
        process = self._chance.pick(self._world.processes())
        self._world.note(f"fault: {fault.name} ({process})")
        self._deeds[fault](process)

    def _until(self) -> float:
        return self._world.loop.time() + self._chance.pick(LASTS_SECONDS)

    def _kill(self, process: Process) -> None:
        process.dies_in = self._chance.whole(0, 40)

    def _kill_all(self, _process: Process) -> None:
        for each in self._world.processes():
            each.die()

    def _freeze(self, process: Process) -> None:
        seconds = self._chance.pick(LASTS_SECONDS)
        process.freeze(seconds)
        if seconds > self._session_seconds:
            self._world.loop.call_later(self._session_seconds, self._world.expel, process)

    def _slow(self, process: Process) -> None:
        process.slow_seconds = self._chance.pick((0.0, 0.05, 0.3))

    def _clock(self, process: Process) -> None:
        process.machine.set_clock(self._chance.pick(CLOCK_STEPS_SECONDS))

    def _cut_log(self, process: Process) -> None:
        process.machine.no_log_until = self._until()
        if self._chance.happens(0.5):
            self._world.loop.call_later(self._session_seconds, self._world.expel, process)

    def _cut_database(self, process: Process) -> None:
        process.machine.no_database_until = self._until()

    def _log_down(self, _process: Process) -> None:
        until = self._until()
        for machine in self._world.machines:
            machine.no_log_until = until

    def _database_down(self, _process: Process) -> None:
        until = self._until()
        for machine in self._world.machines:
            machine.no_database_until = until

    def _rebalance(self, _process: Process) -> None:
        self._world.group.share()

    def _scale(self, process: Process) -> None:
        """A replica goes, in order, or comes."""
        machine = process.machine
        if machine.name in self._world.absent:
            self._world.absent.discard(machine.name)
            process.die()
            self._world.loop.call_later(1.0, self._world.restart, machine)
        else:
            self._world.absent.add(machine.name)
            self._world.ask_to_stop(machine)
