"""`make bench`: every benchmark, one after the other, with the machine named first.

Machines are noisy: read the ratios, which come from one run each, before the figures.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

BENCHMARKS = {
    "judge": "the pure core: calendar arithmetic, judging and announcing",
    "streams": "the two streams: append and fetch",
    "ingest": "webhooks acknowledged, against a bare app that appends the same",
    "engine": "catching up on lead events, against a bare consume-decode-upsert loop",
}


def machine() -> str:
    """One line that names what was measured on."""
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {_memory()}, {system}"


def _processor() -> str:
    models = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return models[0].split(":", 1)[1].strip() if models else platform.machine()


def _memory() -> str:
    totals = [line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return f"{int(totals[0].split()[1]) / 1024**2:.0f} GiB" if totals else "memory unknown"


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; the exit code says whether all could be run."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark called {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
        return 2
    print(f"machine: {machine()}", flush=True)
    failed = 0
    for name in names or BENCHMARKS:
        print(f"\n== {name}: {BENCHMARKS[name]}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
