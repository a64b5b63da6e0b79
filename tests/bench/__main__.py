"""`make bench`: every benchmark, one after the other, with the machine named first.

Machines are noisy: read the ratios, which come from one run each, before the figures.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

from tests.bench.sizes import FULL_VARIABLE

BENCHMARKS = {
    "judge": "the pure core: calendar arithmetic, judging and announcing",
    "streams": "the two streams: append and fetch",
    "ingest": "webhooks acknowledged, against a bare app that appends the same",
    "engine": "catching up on lead events, against a bare consume-decode-upsert loop",
    "live": "how late a breach is announced, under a steady load",
    "restart": "kill -9 of the only engine: how soon the next one commits",
    "storm": "many leads due in one second",
    "memory": "what an open clock takes in memory and on disk",
    "growth": "what an event costs as histories, agreements, leads and partitions grow",
}


def machine() -> str:
    """One line that names what was measured on."""
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    others = f"load {os.getloadavg()[0]:.1f} before the run"
    return f"{_processor()}, {os.cpu_count()} cores, {_memory()}, {system}, {others}"


def _processor() -> str:
    models = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return models[0].split(":", 1)[1].strip() if models else platform.machine()


def _memory() -> str:
    totals = [line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return f"{int(totals[0].split()[1]) / 1024**2:.0f} GiB" if totals else "memory unknown"


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; `--full`: in the targets' sizes. The exit code says whether all could run."""
    environment = os.environ | ({FULL_VARIABLE: "1"} if "--full" in names else {})
    names = [name for name in names if name != "--full"]
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark called {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
        return 2
    print(f"machine: {machine()}", flush=True)
    failed = 0
    for name in names or BENCHMARKS:
        print(f"\n== {name}: {BENCHMARKS[name]}", flush=True)
        failed += (
            subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False, env=environment).returncode != 0
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
