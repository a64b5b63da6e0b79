"""A TCP proxy between a service and what it needs, which can be made to fail as networks do; needs no rights.

- `cut`: every connection is reset, and new ones are refused, as when a host or its port is gone.
- `stall`: connections stay and take what is sent, and nothing comes through any more, ends of connections included,
  as behind a firewall that has forgotten them or a cable that was pulled.
- `half_close`: whoever connected is told that nothing more will come, while what they send still goes through.
- `heal` ends a cut or a stall; what was held back by a stall is delivered then.
"""

import asyncio
import contextlib
import weakref
from pathlib import Path
from typing import Self

CHUNK_BYTES = 64 * 1024

Target = tuple[str, int] | Path
"""Host and port, or the path of a Unix socket."""


class TcpProxy:
    """Listens on a free port of the loopback, which it keeps over a cut. `target` may be set before the first use."""

    def __init__(self, target: Target | None = None) -> None:
        self.target = target
        self.port = 0
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._ways: set[asyncio.Task[None]] = set()
        self._ended: weakref.WeakSet[asyncio.StreamWriter] = weakref.WeakSet()
        self._writers: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        """The two ends of each connection: the one to whoever connected, the one to the target."""

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._flowing.set()
        await self.cut()

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._writers)

    async def cut(self) -> None:
        """Reset every connection, refuse new ones."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for near, far in self._writers.items():
            near.transport.abort()
            far.transport.abort()
        ways = list(self._ways)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)

    def stall(self) -> None:
        """Let nothing through any more."""
        self._flowing.clear()

    def half_close(self) -> None:
        """Tell everybody connected that nothing more comes."""
        for near in self._writers:
            self._end(near)

    async def heal(self) -> None:
        """Let everything through (again)."""
        self._flowing.set()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._ways.add(task)
        try:
            await self._connect(reader, writer)
        except (OSError, asyncio.CancelledError):  # cancelled by `cut` alone
            writer.transport.abort()
        finally:
            self._ways.discard(task)

    async def _connect(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        if isinstance(self.target, Path):
            far_reader, far = await asyncio.open_unix_connection(self.target)
        else:
            assert self.target is not None, "no target was set"
            far_reader, far = await asyncio.open_connection(*self.target)
        self._writers[near] = far
        try:
            await asyncio.gather(self._pump(near_reader, far), self._pump(far_reader, near))
        finally:
            del self._writers[near]
            near.transport.abort()
            far.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            await self._flowing.wait()
            if writer not in self._ended:
                writer.write(chunk)
                await writer.drain()
        await self._flowing.wait()
        self._end(writer)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        if writer not in self._ended:
            self._ended.add(writer)
            with contextlib.suppress(OSError):  # it may be gone already
                writer.write_eof()
