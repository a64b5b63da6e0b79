"""A process that fills a spool until it is killed: `python -m tests.support.spool_writer FOLDER FIRST`.

Prints each number once its record is acknowledged, several at a time.
"""

import asyncio
import sys
from pathlib import Path

from ingest.adapters.spool import DiskSpool
from shared.logs import configure_logs
from shared.settings import LogFormat
from tests.support.ingest_parts import record

AT_ONCE = 8


async def main(folder: Path, first: int) -> None:
    """Put for ever. Logs go to standard error."""
    configure_logs(service="spool-writer", level="WARNING", log_format=LogFormat.CONSOLE)
    async with DiskSpool(folder, max_bytes=100_000_000, segment_bytes=50_000) as spool:
        number = first
        while True:
            numbers = range(number, number + AT_ONCE)
            await asyncio.gather(*(spool.put(record(each, size=3_000)) for each in numbers))
            sys.stdout.write("".join(f"{each}\n" for each in numbers))
            sys.stdout.flush()
            number += AT_ONCE


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
