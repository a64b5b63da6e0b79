"""An event loop without a selector: time is a number, and moves only when nothing can run at the present instant.

What is ready waits in one queue a process; which process takes the next step is drawn. Inside a process asyncio's own
order stands, for asyncio promises it. A process that is dead never runs again: what it awaited is abandoned there.
"""

import asyncio
import contextvars
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar, TypeVarTuple

from tests.support.simulation.chance import Chance

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MOST_STEPS = 2_000_000


class Runner(Protocol):
    """What the loop asks about a process."""

    @property
    def dead(self) -> bool:
        """Whether it was killed: nothing of it runs any more."""
        ...

    @property
    def paused_until(self) -> float:
        """Loop time before which nothing of it runs: frozen, or busy."""
        ...

    def stepped(self) -> None:
        """It takes a step now; it may die of it, before the step."""
        ...


RUNNER: contextvars.ContextVar[Runner | None] = contextvars.ContextVar("RUNNER", default=None)
"""Whose code is running; None: the world's own."""


class StuckError(Exception):
    """Nothing can run, now or ever, though the run is not over; or it takes far too many steps."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """Just enough of a loop for tasks, futures, timers and timeouts."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._now = 0.0
        self._steps = 0
        self._made = 0
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Runner | None]] = []
        self._queues: dict[Runner | None, deque[asyncio.Handle]] = {}
        self._graves: set[asyncio.Task[Any]] = set()
        self.complaints: list[dict[str, Any]] = []

    @property
    def steps(self) -> int:
        """How many callbacks have run."""
        return self._steps

    def time(self) -> float:
        """Seconds since the run began."""
        return self._now

    def get_debug(self) -> bool:
        """Never: it costs time and draws nothing."""
        return False

    def is_running(self) -> bool:
        """Whether this loop is being run."""
        return asyncio._get_running_loop() is self

    def is_closed(self) -> bool:
        """It holds nothing that needs closing."""
        return False

    def create_future(self) -> "asyncio.Future[Any]":
        """As asyncio's."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> "asyncio.Task[T]":
        """As asyncio's. A task that is abandoned with its process is no mistake of anybody's."""
        task: asyncio.Task[T] = asyncio.Task(coro, loop=self, name=name, context=context)
        task._log_destroy_pending = False  # type: ignore[attr-defined] # asyncio's own switch, without a method
        return task

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Queue it with the process in whose context it runs."""
        context = contextvars.copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        self._enqueue(handle, context.get(RUNNER))
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """After so many seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """At this loop time."""
        context = contextvars.copy_context() if context is None else context
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._made += 1
        heapq.heappush(self._timers, (when, self._made, handle, context.get(RUNNER)))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is dropped when its time comes."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody caught; the run fails for it."""
        self.complaints.append(context)

    def run_until_complete(self, future: Any) -> Any:  # noqa: ANN401 - as asyncio's
        """Run until the world's own task is done."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(future)
            while not task.done():
                self._step()
            return task.result()
        finally:
            asyncio._set_running_loop(before)

    def abandon(self, runner: Runner) -> None:
        """It died: what waits for it never runs. The garbage collector, whose hour nobody knows, gets nothing yet."""
        self._queues.pop(runner, None)
        self._graves |= asyncio.all_tasks(self)

    def clear_away(self) -> None:
        """After the run: end what was abandoned. Its `finally` clauses run here, where they change nothing any more."""
        for task in self._graves | asyncio.all_tasks(self):
            coroutine = task.get_coro()
            if not task.done() and isinstance(coroutine, Coroutine):
                coroutine.close()

    def _enqueue(self, handle: asyncio.Handle, runner: Runner | None) -> None:
        if runner is not None and runner.dead:
            return
        queue = self._queues.get(runner)
        if queue is None:
            queue = self._queues[runner] = deque()
        queue.append(handle)

    def _step(self) -> None:
        """One callback of one process."""
        while not (able := self._able()):
            self._move_on()
        runner = able[0] if len(able) == 1 else self._chance.pick(able)
        queue = self._queues[runner]
        if runner is not None:
            runner.stepped()
            if runner.dead:
                return
        handle = queue.popleft()
        if not queue:
            del self._queues[runner]
        if not handle.cancelled():
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise StuckError(f"more than {MOST_STEPS} steps: something goes round and round")
            handle._run()

    def _able(self) -> list[Runner | None]:
        """The processes that can take a step at this instant."""
        while self._timers and self._timers[0][0] <= self._now:
            _, _, handle, runner = heapq.heappop(self._timers)
            if not handle.cancelled():
                self._enqueue(handle, runner)
        now = self._now
        return [each for each in self._queues if each is None or each.paused_until <= now]

    def _move_on(self) -> None:
        """Let time pass, up to the next instant at which something can run."""
        coming = [each.paused_until for each in self._queues if each is not None]
        if self._timers:
            coming.append(self._timers[0][0])
        if not coming:
            raise StuckError("nothing can run any more, and the run is not over")
        self._now = max(self._now, min(coming))
