"""A simulated process: its own clock, and everything that can happen to a process."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.support.simulation.chance import Chance
from tests.support.simulation.loop import VirtualLoop

BEGIN = datetime(2024, 1, 8, 9, tzinfo=UTC)
"""The true time at which every run begins."""
AHEAD_MEMORY_SECONDS = 30.0
"""So long after a clock was set back, what it said before may still show in what is announced."""


def true_time(loop: VirtualLoop) -> datetime:
    """What a clock shows that is right."""
    return BEGIN + timedelta(seconds=loop.time())


class Machine:
    """A host: its clock may be wrong, and it may be cut off from the log or the database."""

    def __init__(self, name: str, loop: VirtualLoop) -> None:
        self.name = name
        self._loop = loop
        self._ahead = 0.0
        self._was_ahead: list[tuple[float, float]] = []
        self.no_log_until = 0.0
        self.no_database_until = 0.0

    def clock(self) -> datetime:
        """What its clock shows."""
        return true_time(self._loop) + timedelta(seconds=self._ahead)

    def set_clock(self, ahead_seconds: float) -> None:
        """Step the clock."""
        self._was_ahead.append((self._loop.time(), self._ahead))
        self._ahead = ahead_seconds

    @property
    def ahead_seconds(self) -> float:
        """How far the clock is or lately was ahead of the truth; 0 where it was behind or right."""
        recent = [ahead for until, ahead in self._was_ahead if until > self._loop.time() - AHEAD_MEMORY_SECONDS]
        return max(0.0, self._ahead, *recent)


class Process:
    """One life of an engine. A restart is another `Process` on the same `Machine`."""

    def __init__(
        self, machine: Machine, life: int, *, loop: VirtualLoop, chance: Chance, died: "Callable[[Process], None]"
    ) -> None:
        self.machine = machine
        self.name = f"{machine.name}.{life}"
        self.dead = False
        self.steps = 0
        self.slow_seconds = 0.0
        self.dies_in: int | None = None
        self._loop = loop
        self._chance = chance
        self._died = died
        self.reaches: Callable[[str], None] = lambda _point: None
        """Told by the stream and the store where the process is; see `cells`."""
        self.paused_until = 0.0

    def __repr__(self) -> str:
        return self.name

    @property
    def frozen(self) -> bool:
        """Whether nothing of it runs at present."""
        return self.dead or self.paused_until > self._loop.time()

    def stepped(self) -> None:
        """Take a step, slowly if it is slow; die before it, if its hour has come."""
        self.steps += 1
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                self.die()
        if self.slow_seconds:
            self.paused_until = self._loop.time() + self._chance.between(0, self.slow_seconds)

    def die(self) -> None:
        """Killed: nothing of it runs any more, wherever it was."""
        if not self.dead:
            self.dead = True
            self._died(self)

    def freeze(self, seconds: float) -> None:
        """Nothing of it runs for so long; it does not notice."""
        self.paused_until = max(self.paused_until, self._loop.time() + seconds)
