"""What happens to the engines and to what they need, by a seed; every fault is noted with its time."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.chaos.stage import Stage
from tests.support.deployment import ServiceProcess
from tests.support.tcp_proxy import TcpProxy

Outage = Callable[["Faults"], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Form:
    """How much of it. Pauses lie between the faults of a kind; kinds go on side by side."""

    engines: int
    leads_a_second: float
    kills: int
    kill_pause_seconds: tuple[float, float]
    outages: tuple[Outage, ...]
    outage_pause_seconds: tuple[float, float]
    converge_seconds: float
    """A bound on the wait for the last announcement, for machines of any speed."""


class Faults:
    """Breaks things, and mends them again."""

    def __init__(self, stage: Stage, *, seed: int, form: Form) -> None:
        self._stage = stage
        self._form = form
        self._dice = random.Random(seed)
        self._began = time.monotonic()
        self._starting: set[asyncio.Task[None]] = set()
        self._frozen: set[ServiceProcess] = set()
        self.journal: list[str] = []
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """All faults of the form; in the end everything is mended and every engine runs."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kills())
            group.create_task(self._outages())
        await asyncio.gather(*self._starting)
        self.check_alive()

    def check_alive(self) -> None:
        """No engine ends by itself, whatever happens to what it needs."""
        for engine in self._stage.engines:
            assert engine.alive, f"{engine.label} ended by itself; its last words:\n{engine.last_words()}"

    async def _kills(self) -> None:
        for _ in range(self._form.kills):
            await asyncio.sleep(self._dice.uniform(*self._form.kill_pause_seconds))
            running = [each for each in self._stage.engines if each not in self._frozen]
            alive = [each for each in running if each.alive]
            if alive:
                await self._kill(self._dice.choice(alive))

    async def _kill(self, engine: ServiceProcess) -> None:
        self._note("kill -9", engine.label)
        await engine.kill()
        starting = asyncio.create_task(self._start(engine, after_seconds=self._dice.choice((0, 0, 1, 3))))
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)

    async def _start(self, engine: ServiceProcess, *, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        await engine.start()

    async def _outages(self) -> None:
        for outage in self._form.outages:
            await asyncio.sleep(self._dice.uniform(*self._form.outage_pause_seconds))
            await outage(self)

    def _note(self, what: str, detail: str = "") -> None:
        self.counts[what] += 1
        self.journal.append(f"{time.monotonic() - self._began:6.1f} s {what} {detail}".rstrip())

    async def restart_broker(self, *, kill: bool) -> None:
        """Stopped or killed, and started again."""
        broker = self._stage.broker
        assert broker is not None
        self._note("broker killed" if kill else "broker restarted")
        await asyncio.to_thread(broker.kill if kill else broker.stop)
        await asyncio.to_thread(broker.start)

    async def restart_database(self, *, kill: bool) -> None:
        """Stopped or killed, and started again."""
        self._note("database killed" if kill else "database restarted")
        await (self._stage.database.kill() if kill else self._stage.database.stop())
        await self._stage.database.start()

    async def cut(self, *, broker: bool = False, database: bool = False, seconds: float) -> None:
        """Connections reset and refused."""
        self._note("cut", f"of {_names(broker, database)} for {seconds:g} s")
        for proxy in self._proxies(broker, database):
            await proxy.cut()
        await asyncio.sleep(seconds)
        await self._heal(broker, database)

    async def stall(self, *, broker: bool = False, database: bool = False, seconds: float) -> None:
        """Nothing comes through, and nobody is told."""
        self._note("stall", f"of {_names(broker, database)} for {seconds:g} s")
        for proxy in self._proxies(broker, database):
            proxy.stall()
        await asyncio.sleep(seconds)
        await self._heal(broker, database)

    async def half_close(self) -> None:
        """Every connection is ended from the far side only."""
        self._note("half-close", "of both")
        for proxy in self._proxies(broker=True, database=True):
            proxy.half_close()

    async def freeze(self, *, seconds: float) -> None:
        """One engine stands still for longer than its session, and goes on as a zombie."""
        alive = [each for each in self._stage.engines if each.alive]
        if not alive:
            return
        engine = self._dice.choice(alive)
        self._note("frozen", f"{engine.label} for {seconds:g} s")
        self._frozen.add(engine)
        engine.freeze()
        await asyncio.sleep(seconds)
        engine.thaw()
        self._frozen.discard(engine)

    def _proxies(self, broker: bool, database: bool) -> list[TcpProxy]:
        both = ((broker and self._stage.broker is not None, self._stage.to_broker), (database, self._stage.to_database))
        return [proxy for wanted, proxy in both if wanted]

    async def _heal(self, broker: bool, database: bool) -> None:
        for proxy in self._proxies(broker, database):
            await proxy.heal()
        self.journal.append(f"{time.monotonic() - self._began:6.1f} s healed")


def _names(broker: bool, database: bool) -> str:
    return " and ".join(name for name, wanted in (("broker", broker), ("database", database)) if wanted)
