"""Whatever a crash leaves of the spool's files: what was acknowledged comes back once, in order; nothing else does."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.adapters.spool import DiskSpool, frame
from shared.streams.port import Record
from tests.support.ingest_parts import number_of, record

MANY = settings(derandomize=True, deadline=None, max_examples=60)
SIZES = st.lists(st.integers(min_value=8, max_value=600), min_size=1, max_size=25)

Scenario = Callable[[Path], Awaitable[None]]


def spool_at(path: Path) -> DiskSpool:
    return DiskSpool(path, max_bytes=1_000_000, segment_bytes=1_000)


async def drained(path: Path) -> list[int]:
    """The numbers of all records, read and removed in batches of three."""
    numbers: list[int] = []
    async with spool_at(path) as spool:
        while spool.pending:
            batch = await spool.peek(most_records=3, most_bytes=2_000)
            numbers += [number_of(one) for one in batch]
            await spool.remove(len(batch))
        assert spool.bytes == 0
    return numbers


async def write_one_by_one(path: Path, sizes: Sequence[int]) -> list[tuple[Path, int]]:
    """Acknowledged one after the other; where each ends: its segment, and the segment's size then."""
    ends = []
    async with spool_at(path) as spool:
        for number, size in enumerate(sizes):
            await spool.put(record(number, size=size))
            ends.append(newest_segment(path))
    return ends


def newest_segment(path: Path) -> tuple[Path, int]:
    """It, and its size."""
    segment = max(path.glob("*.seg"))
    return segment, segment.stat().st_size


@MANY
@given(sizes=SIZES, data=st.data())
def test_a_crash_at_any_byte_of_the_last_write_loses_nothing_acknowledged(
    sizes: list[int], data: st.DataObject
) -> None:
    async def scenario(path: Path) -> None:
        ends = await write_one_by_one(path, sizes)
        last_segment, end = ends[-1]
        same = [size for segment, size in ends if segment == last_segment]
        begin = same[-2] if len(same) > 1 else 0
        cut = data.draw(st.integers(min_value=begin, max_value=end), label="bytes that reached the disk")
        with last_segment.open("r+b") as file:
            file.truncate(cut)
        survivors = len(sizes) if cut == end else len(sizes) - 1
        assert await drained(path) == list(range(survivors))

    in_a_folder(scenario)


@MANY
@given(sizes=SIZES, data=st.data())
def test_a_flipped_bit_costs_the_record_it_is_in_and_no_other(sizes: list[int], data: st.DataObject) -> None:
    async def scenario(path: Path) -> None:
        ends = await write_one_by_one(path, sizes)
        victim = data.draw(st.integers(min_value=0, max_value=len(sizes) - 1), label="record")
        segment, end = ends[victim]
        before = [size for other, size in ends[:victim] if other == segment]
        begin = before[-1] if before else 0
        place = data.draw(st.integers(min_value=begin, max_value=end - 1), label="byte")
        content = bytearray(segment.read_bytes())
        content[place] ^= 1 << data.draw(st.integers(min_value=0, max_value=7), label="bit")
        segment.write_bytes(content)
        assert await drained(path) == [number for number in range(len(sizes)) if number != victim]

    in_a_folder(scenario)


@MANY
@given(steps=st.lists(st.one_of(st.tuples(st.just("put"), SIZES), st.tuples(st.just("take"), st.integers(1, 9)))))
def test_any_mix_of_concurrent_puts_removals_and_restarts_keeps_order(steps: list[tuple[str, object]]) -> None:
    async def scenario(path: Path) -> None:
        expected: list[int] = []
        seen: list[int] = []
        next_number = 0
        for step, argument in steps:
            async with spool_at(path) as spool:  # each step is a process of its own
                if isinstance(argument, list):
                    numbers = range(next_number, next_number + len(argument))
                    puts = (spool.put(record(n, size=size)) for n, size in zip(numbers, argument, strict=True))
                    await asyncio.gather(*puts)
                    expected += numbers
                    next_number += len(argument)
                else:
                    assert isinstance(argument, int), step
                    batch = await spool.peek(most_records=argument, most_bytes=5_000)
                    seen += [number_of(one) for one in batch]
                    await spool.remove(len(batch))
        assert seen + await drained(path) == expected

    in_a_folder(scenario)


@MANY
@given(body=st.binary(max_size=200), sequence=st.integers(1, 2**40))
def test_a_body_that_imitates_a_frame_is_not_taken_for_one(body: bytes, sequence: int) -> None:
    forged = frame.encode(body, sequence=sequence, salt=0)
    outer = bytearray(frame.encode(b"before" + forged + b"after", sequence=1, salt=0xC0FFEE))
    outer[4] ^= 0xFF  # damage the outer frame, so that the scan looks for the next one inside it
    assert [found for found in frame.scan(bytes(outer), salt=0xC0FFEE) if isinstance(found, frame.Frame)] == []


def test_records_come_back_as_they_were_put() -> None:
    async def scenario(path: Path) -> None:
        put = Record(key=b"\x00key", value=bytes(range(256)), headers=(("h", b"\xff"),))
        async with spool_at(path) as spool:
            await spool.put(put)
        async with spool_at(path) as spool:
            assert list(await spool.peek(most_records=10, most_bytes=1_000)) == [put]

    in_a_folder(scenario)


def in_a_folder(scenario: Scenario) -> None:
    """Run it in a folder of its own, which goes away."""
    with tempfile.TemporaryDirectory(prefix="leadpact-spool-") as folder:
        asyncio.run(_run(scenario, Path(folder)))


async def _run(scenario: Scenario, path: Path) -> None:
    await scenario(path)
