"""The proxy fails as networks do: what the other tests here rest on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.support.tcp_proxy import TcpProxy

SOON_SECONDS = 5.0
A_MOMENT_SECONDS = 0.1
"""Within which what is not held back would have come."""


@contextlib.asynccontextmanager
async def proxied_echo() -> AsyncIterator[TcpProxy]:
    """A server that sends back what it hears, behind a proxy."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while heard := await reader.read(100):
                writer.write(heard)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, TcpProxy(("127.0.0.1", server.sockets[0].getsockname()[1])) as proxy:
        yield proxy


async def test_it_passes_on_what_it_is_given() -> None:
    async with proxied_echo() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.readexactly(5), SOON_SECONDS) == b"hello"
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), SOON_SECONDS) == b""
        writer.close()


async def test_cut_resets_and_refuses_until_it_heals() -> None:
    async with proxied_echo() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        await asyncio.wait_for(reader.readexactly(5), SOON_SECONDS)
        await proxy.cut()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), SOON_SECONDS) == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.close()
        await proxy.heal()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"again")
        assert await asyncio.wait_for(reader.readexactly(5), SOON_SECONDS) == b"again"
        writer.close()


async def test_a_stall_holds_everything_back_and_delivers_it_afterwards() -> None:
    async with proxied_echo() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"one")
        await asyncio.wait_for(reader.readexactly(3), SOON_SECONDS)
        proxy.stall()
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), A_MOMENT_SECONDS)
        await proxy.heal()
        assert await asyncio.wait_for(reader.readexactly(3), SOON_SECONDS) == b"two"
        writer.close()


async def test_half_closed_the_client_hears_the_end() -> None:
    async with proxied_echo() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"one")
        await asyncio.wait_for(reader.readexactly(3), SOON_SECONDS)
        assert proxy.connections == 1
        proxy.half_close()
        assert await asyncio.wait_for(reader.read(), SOON_SECONDS) == b""
        writer.close()
