"""kill -9 in the middle of writing: every acknowledged record is there after the next start, once, in order."""

import random
import subprocess
import sys
from pathlib import Path

from ingest.adapters.spool import DiskSpool
from tests.support.ingest_parts import number_of

SEED = 20260302
ROUNDS = 6
ROUND = 1_000_000


def acknowledged_before_kill(folder: Path, first: int, *, after: int) -> list[int]:
    """Let a process write; kill it once it has acknowledged `after` records; what it had acknowledged by then."""
    command = [sys.executable, "-m", "tests.support.spool_writer", str(folder), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen: list[int] = []
        while len(seen) < after:
            line = process.stdout.readline()
            assert line, "the writer ended by itself"
            seen.append(int(line))
        process.kill()
        rest = process.stdout.read()
        complete = rest[: rest.rfind("\n") + 1]  # the last line may have been cut
        return seen + [int(line) for line in complete.splitlines()]


async def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    acknowledged: list[int] = []
    for number in range(ROUNDS):
        acknowledged += acknowledged_before_kill(tmp_path, number * ROUND, after=chance.randint(1, 400))
    kept: list[int] = []
    async with DiskSpool(tmp_path, max_bytes=100_000_000) as spool:
        while spool.pending:
            batch = await spool.peek(most_records=100, most_bytes=1_000_000)
            kept += [number_of(one) for one in batch]
            await spool.remove(len(batch))
    assert kept == sorted(set(kept)), f"doubled or out of order; seed {SEED}"
    assert set(acknowledged) <= set(kept), f"acknowledged and lost; seed {SEED}"
    assert len(acknowledged) > ROUNDS
