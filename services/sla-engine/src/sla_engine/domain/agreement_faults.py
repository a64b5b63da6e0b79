"""What is wrong with an agreement file: all faults at once, each with its line, its place and its cure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fault:
    """One fault. `line` counts from 1 (0: the whole file), `place` is the path of keys, such as `clocks.handoff`."""

    line: int
    place: str
    problem: str
    cure: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}, {self.place}" if self.place else f"line {self.line}"
        return f"{where}: {self.problem}" + (f". {self.cure}" if self.cure else "")


class AgreementError(ValueError):
    """The agreement can't be used. `faults` stand in the order of the file."""

    def __init__(self, file: str, faults: tuple[Fault, ...]) -> None:
        self.file = file
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(f"{file}: {fault}" for fault in self.faults))
