"""While the stream is away requests wait on disk: in order, bounded, answered 2xx."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest.adapters.spool import DiskSpool, SpoolTaken
from ingest.application.draining import Drainer
from ingest.application.ports import SpoolFull
from shared.streams.port import RecordTooLarge, StreamUnavailable
from tests.support.eventually import eventually
from tests.support.ingest_parts import AppendOnlyStream, number_of, record
from tests.unit.ingest.receiving import Receiving, hubspot_headers, receiving


def body(number: int) -> bytes:
    return b"[%d]" % number


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Receiving]:
    async with receiving(tmp_path / "spool") as parts:
        yield parts


async def send(app: Receiving, number: int) -> int:
    return (await app.post("hubspot", body(number), hubspot_headers(body(number)))).status_code


async def test_a_request_is_answered_as_ever_while_the_stream_is_away(app: Receiving) -> None:
    app.stream.away = True
    assert await send(app, 1) == 200
    assert app.spool.pending == 1


async def test_a_stream_that_does_not_answer_is_waited_for_once_not_in_every_request(app: Receiving) -> None:
    app.stream.hanging = True
    assert [await send(app, number) for number in range(20)] == [200] * 20
    assert app.stream.calls == 1
    assert app.spool.pending == 20


async def test_nothing_overtakes_what_waits(app: Receiving) -> None:
    app.stream.away = True
    await send(app, 1)
    app.stream.away = False
    await send(app, 2)
    assert app.stored == []
    await Drainer(stream=app.stream, spool=app.spool).run_once()
    await send(app, 3)
    assert [one.body for one in app.stored] == [body(1), body(2), body(3)]
    assert app.spool.pending == 0
    assert app.spool.bytes == 0


async def test_requests_at_the_same_time_all_come_through(app: Receiving) -> None:
    app.stream.away = True
    assert set(await asyncio.gather(*(send(app, number) for number in range(50)))) == {200}
    app.stream.away = False
    drainer = Drainer(stream=app.stream, spool=app.spool)
    await drainer.run_once()
    assert sorted(one.body for one in app.stored) == sorted(body(number) for number in range(50))


async def test_only_a_full_spool_answers_503_and_says_when_to_try_again(tmp_path: Path) -> None:
    async with receiving(tmp_path, spool_bytes=1_000) as app:
        app.stream.away = True
        statuses = [await send(app, number) for number in range(8)]
        refused = await app.post("hubspot", body(9), hubspot_headers(body(9)))
        assert statuses[0] == 200
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert app.counted("hubspot", "no_room") >= 1
        assert app.spool.bytes <= 1_000
        acknowledged = statuses.count(200)
        app.stream.away = False
        await Drainer(stream=app.stream, spool=app.spool).run_once()
        assert len(app.stored) == acknowledged
        assert await send(app, 10) == 200


async def test_the_drainer_waits_out_an_outage_and_goes_on(tmp_path: Path) -> None:
    stream = AppendOnlyStream()
    stream.away = True
    stop = asyncio.Event()
    async with DiskSpool(tmp_path, max_bytes=1_000_000) as spool:
        draining = asyncio.create_task(Drainer(stream=stream, spool=spool, retry_seconds=0.01).run(stop))
        for number in range(1200):
            await spool.put(record(number))
        stream.away = False

        async def empty() -> bool:
            return spool.pending == 0

        await eventually(empty, within_seconds=10, what="the spool is drained")
        stop.set()
        await draining
    assert [number_of(one) for one in stream.of("crm.received")] == list(range(1200))


async def test_a_drainer_that_fails_midway_removes_nothing(tmp_path: Path) -> None:
    stream = AppendOnlyStream()
    stream.away = True
    async with DiskSpool(tmp_path, max_bytes=1_000_000) as spool:
        await spool.put(record(1))
        with pytest.raises(StreamUnavailable):
            await Drainer(stream=stream, spool=spool).run_once()
        assert spool.pending == 1


async def test_a_record_that_the_stream_never_takes_is_put_aside_and_holds_nothing_up(tmp_path: Path) -> None:
    class Picky(AppendOnlyStream):
        async def append(self, topic: str, records: object) -> None:
            assert isinstance(records, list | tuple)
            if any(number_of(one) == 2 for one in records):
                raise RecordTooLarge("too large for this broker")
            await super().append(topic, records)

    stream = Picky()
    async with DiskSpool(tmp_path, max_bytes=1_000_000) as spool:
        for number in range(5):
            await spool.put(record(number))
        drainer = Drainer(stream=stream, spool=spool)
        while spool.pending:
            await drainer.run_once()
    assert [number_of(one) for one in stream.of("crm.received")] == [0, 1, 3, 4]
    assert b"2:" in put_aside(tmp_path)


def put_aside(folder: Path) -> bytes:
    return (folder / "refused.aside").read_bytes()


async def test_two_processes_can_not_share_a_spool(tmp_path: Path) -> None:
    async with DiskSpool(tmp_path, max_bytes=1_000_000):
        with pytest.raises(SpoolTaken, match=r"LEADPACT_INGEST_SPOOL_DIR"):
            async with DiskSpool(tmp_path, max_bytes=1_000_000):
                pass
    async with DiskSpool(tmp_path, max_bytes=1_000_000) as spool:
        assert spool.pending == 0


async def test_a_disk_that_refuses_is_a_full_spool_and_what_follows_is_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with DiskSpool(tmp_path, max_bytes=1_000_000) as spool:
        await spool.put(record(1))
        with monkeypatch.context() as patched:

            def refuse(_descriptor: int) -> None:
                raise OSError(28, "No space left on device")

            patched.setattr(os, "fdatasync", refuse)
            with pytest.raises(SpoolFull, match="No space left"):
                await spool.put(record(2))
        await spool.put(record(3))
    async with DiskSpool(tmp_path, max_bytes=1_000_000) as spool:
        kept = await spool.peek(most_records=9, most_bytes=10_000)
        assert [number_of(one) for one in kept] == [1, 3]
