"""What happens to the engines and to what they need, by a seed; every fault is noted with its time."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.chaos.stage import Stage
from tests.support.deployment import ServiceProcess
from tests.support.eventually import LOOK_AGAIN_SECONDS
from tests.support.tcp_proxy import TcpProxy

Outage = Callable[["Faults"], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Form:
    """How much of it. Pauses lie between the faults of a kind; kinds go on side by side."""

    engines: int
    leads_a_second: float
    batch_records: int
    """So few in a fetch that a backlog takes many, as one of minutes does in production: time to do it wrong."""
    kills: int
    kill_pause_seconds: tuple[float, float]
    zombies: int
    zombie_seconds: float
    """Longer than a session: others own the partitions when an engine that was frozen or cut off goes on."""
    outages: tuple[Outage, ...]
    outage_pause_seconds: tuple[float, float]


class Faults:
    """Breaks things, and mends them again. Without a broker, what would happen to it does not."""

    def __init__(self, stage: Stage, *, seed: int, form: Form) -> None:
        self._stage = stage
        self._form = form
        self._dice = random.Random(seed)
        self._began = time.monotonic()
        self._starting: set[asyncio.Task[None]] = set()
        self._zombies: set[ServiceProcess] = set()
        self._broken: Counter[TcpProxy] = Counter()
        """Faults overlap: a line is mended when the last of those that broke it is over."""
        self.journal: list[str] = []
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """All faults of the form; in the end everything is mended and every engine runs."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kills())
            group.create_task(self._outages())
            group.create_task(self._make_zombies())
        await asyncio.gather(*self._starting)
        self.check_alive()

    def check_alive(self) -> None:
        """No engine ends by itself, whatever happens to what it needs."""
        for engine in self._stage.engines:
            assert engine.alive, f"{engine.label} ended by itself; its last words:\n{engine.last_words()}"

    async def _kills(self) -> None:
        for _ in range(self._form.kills):
            await asyncio.sleep(self._dice.uniform(*self._form.kill_pause_seconds))
            await self._kill(await self._somebody())

    async def _somebody(self) -> ServiceProcess:
        """An engine that runs and is neither frozen nor cut off; waits for one."""
        while not (running := self._well()):  # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return self._dice.choice(running)

    def _well(self) -> list[ServiceProcess]:
        return [each for each in self._stage.engines if each.alive and each not in self._zombies]

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
        if broker is None:
            return
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
        if not self._proxies(broker, database):
            return
        self._note("cut", f"of {_names(broker, database)} for {seconds:g} s")
        proxies = self._take(self._proxies(broker, database))
        for proxy in proxies:
            await proxy.cut()
        await asyncio.sleep(seconds)
        await self._heal(proxies)

    async def stall(self, *, broker: bool = False, database: bool = False, seconds: float) -> None:
        """Nothing comes through, and nobody is told."""
        if not self._proxies(broker, database):
            return
        self._note("stall", f"of {_names(broker, database)} for {seconds:g} s")
        proxies = self._take(self._proxies(broker, database))
        for proxy in proxies:
            proxy.stall()
        await asyncio.sleep(seconds)
        await self._heal(proxies)

    async def half_close(self) -> None:
        """Every connection is ended from the far side only."""
        self._note("half-close", "of both")
        for proxy in self._proxies(broker=True, database=True):
            proxy.half_close()

    async def _make_zombies(self) -> None:
        for number in range(self._form.zombies):
            await asyncio.sleep(self._dice.uniform(1, 3))
            engine = await self._somebody()
            self._zombies.add(engine)
            await (self._freeze(engine) if number % 2 else self._cut_off(engine))
            self._zombies.discard(engine)

    async def _freeze(self, engine: ServiceProcess) -> None:
        self._note("frozen", f"{engine.label} for {self._form.zombie_seconds:g} s")
        engine.freeze()
        await asyncio.sleep(self._form.zombie_seconds)
        engine.thaw()

    async def _cut_off(self, engine: ServiceProcess) -> None:
        """What it says arrives when others have its partitions."""
        self._note("cut off alone", f"{engine.label} for {self._form.zombie_seconds:g} s")
        line = self._stage.lines[self._stage.engines.index(engine)]
        proxies = self._take([line.broker, line.database])
        for proxy in proxies:
            proxy.stall()
        await asyncio.sleep(self._form.zombie_seconds)
        await self._heal(proxies)

    def _proxies(self, broker: bool, database: bool) -> list[TcpProxy]:
        wanted = [each.broker for each in self._stage.lines] if broker and self._stage.broker is not None else []
        return [*wanted, *([each.database for each in self._stage.lines] if database else [])]

    def _take(self, proxies: Sequence[TcpProxy]) -> Sequence[TcpProxy]:
        self._broken.update(proxies)
        return proxies

    async def _heal(self, proxies: Sequence[TcpProxy]) -> None:
        self._broken.subtract(proxies)
        for proxy in proxies:
            if not self._broken[proxy]:
                await proxy.heal()
        self.journal.append(f"{time.monotonic() - self._began:6.1f} s healed")


def _names(broker: bool, database: bool) -> str:
    return " and ".join(name for name, wanted in (("broker", broker), ("database", database)) if wanted)
