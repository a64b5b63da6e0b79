"""Without any setting a service gets a real database and a durable stream; with settings, what they name."""

from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from shared.backing import open_backing
from shared.process import StartError
from shared.settings import CommonSettings
from shared.streams.port import Record


async def test_the_embedded_default_is_a_real_database_with_a_stream_in_it(tmp_path: Path) -> None:
    settings = CommonSettings(state_dir=tmp_path / "state")
    async with open_backing(settings, client_id="test") as backing:
        connection = await asyncpg.connect(backing.database_url)
        version = await connection.fetchval("SELECT version()")
        await connection.close()
        await backing.stream.ensure_topic("some.topic", partitions=2)
        await backing.stream.append("some.topic", [Record(key=b"k", value=b"v")])
        ends = await backing.stream.end_offsets("some.topic")
    assert version.startswith("PostgreSQL ")
    assert sum(ends.values()) == 1


async def test_a_database_url_is_used_and_not_shown(database_url: str, tmp_path: Path) -> None:
    settings = CommonSettings(state_dir=tmp_path / "unused", database_url=SecretStr(database_url))
    async with open_backing(settings, client_id="test") as backing:
        assert backing.database_url == database_url
        assert database_url not in repr(backing)
        await backing.stream.ready()
    assert not (tmp_path / "unused").exists()


async def test_a_wrong_stream_address_names_the_variable(database_url: str) -> None:
    settings = CommonSettings(database_url=SecretStr(database_url), stream_url="kafka://nowhere-without-port")
    with pytest.raises(StartError, match=r"LEADPACT_STREAM_URL: .*kafka://host:port"):
        async with open_backing(settings, client_id="test"):
            pass
