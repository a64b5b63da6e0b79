"""Gathering faults, so that a file's author sees all of them at once."""

import difflib
from collections.abc import Iterable

from sla_engine.adapters.yaml_lines import Lines, Path
from sla_engine.adapters.zones import known_zones
from sla_engine.domain.agreement_faults import AgreementError, Fault


class Faults:
    """The faults found so far, and how to say the usual ones."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._found: list[Fault] = []

    def add(self, path: Path, problem: str, cure: str = "") -> None:
        """Something is wrong at `path`."""
        said = ""
        for step in path:
            said += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if said else step
        self._found.append(Fault(line=self.lines.of(path), place=said, problem=problem, cure=cure))

    def known(self, path: Path, name: str | None, names: Iterable[str], what: str) -> bool:
        """Whether `name` is one of `names`; no name is fine."""
        listed = list(names)
        if name is None or name in listed:
            return True
        near = difflib.get_close_matches(name, listed, n=1, cutoff=0.5)
        have = f"There are: {', '.join(listed[:8])}" if listed else f"The file names no {what} yet"
        self.add(path, f'there is no {what} "{name}"', f'Did you mean "{near[0]}"?' if near else have)
        return False

    def zone(self, path: Path, name: str | None) -> bool:
        """Whether `name` is an IANA zone; none is fine."""
        if name is None or name in known_zones():
            return True
        near = difflib.get_close_matches(name, known_zones(), n=1)
        cure = f'Did you mean "{near[0]}"?' if near else "Write an IANA zone, such as Europe/Berlin"
        self.add(path, f'"{name}" is no time zone', cure)
        return False

    def stop_if_any(self, file: str) -> None:
        """Raise `AgreementError` where something was found."""
        if self._found:
            raise AgreementError(file, tuple(self._found))
