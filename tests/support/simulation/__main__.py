# ruff: noqa: T201 - its output is its purpose
"""Replay one seed with its trace, or try many: `python -m tests.support.simulation SEED [COUNT]`."""

import sys
import time

from tests.support.simulation.world import run


def main(arguments: list[str]) -> int:
    """One seed: what happened in it. With a count: that many seeds from it on, and which of them fail."""
    first, count = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 1
    began = time.perf_counter()
    failed = 0
    for seed in range(first, first + count):
        outcome = run(seed)
        if count == 1:
            print("\n".join(outcome.trace))
            print(f"{outcome.commits} commits, {outcome.steps} steps, {outcome.seconds:.0f} s of virtual time")
        if outcome.violations:
            failed += 1
            print(f"seed {seed}:", *outcome.violations[:5], sep="\n  ")
    took = time.perf_counter() - began
    print(f"{count} runs, {failed} failed, {took:.1f} s, {count / took:.1f} runs/s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
