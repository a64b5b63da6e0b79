"""A process that uses the embedded server until its input ends: `python -m tests.support.embedded_user DIR [UID]`.

Prints what the start says as `#` lines, then the URL. With a UID it becomes that user first, once everything is
imported: the interpreter itself may lie where that user can't read.
"""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg

from shared.embedded import EmbeddedPostgres


async def _probe(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT current_user"))
    finally:
        await connection.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _become(uid: int) -> None:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def main() -> None:
    """Start or attach, say the URL, wait, leave."""
    folder, *rest = sys.argv[1:]
    if rest:
        asyncio.run(asyncio.sleep(0))  # imports what it needs
        _become(int(rest[0]))
    with EmbeddedPostgres(Path(folder), progress=lambda word: _say(f"# {word}")) as server:
        assert asyncio.run(_probe(server.url)) == "leadpact"
        _say(server.url)
        sys.stdin.read()


if __name__ == "__main__":
    main()
