"""How far the demo's stories have been told: kept in a file, so that a demo started again goes on where it was."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from deploy.demo.stories import SEED


@dataclass(slots=True, kw_only=True)
class Told:
    """A story under way: when its lead was created, and how many of its steps were posted."""

    number: int
    started_at: datetime
    posted: int = 0


class JournalError(Exception):
    """The file can't be read; the text says what to do."""


@dataclass(slots=True, kw_only=True)
class Journal:
    """`next_number` is the story to start next; `under_way` the ones not told to the end; `posted` counts webhooks."""

    path: Path
    seed: int = SEED
    next_number: int = 0
    posted: int = 0
    under_way: list[Told] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> "Journal":
        """The journal in `path`, or an empty one."""
        if not path.exists():
            return cls(path=path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                path=path,
                seed=content["seed"],
                next_number=content["next_number"],
                posted=content["posted"],
                under_way=[_told(entry) for entry in content["under_way"]],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise JournalError(
                f"{path} is not the demo's journal ({error!r}); 'make demo-reset' begins anew"
            ) from error

    def save(self) -> None:
        """Write the journal, whole or not at all."""
        content = {
            "seed": self.seed,
            "next_number": self.next_number,
            "posted": self.posted,
            "under_way": [_entry(told) for told in self.under_way],
        }
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
        partial.replace(self.path)


def _told(entry: dict[str, object]) -> Told:
    return Told(
        number=int(str(entry["number"])),
        started_at=datetime.fromisoformat(str(entry["started_at"])),
        posted=int(str(entry["posted"])),
    )


def _entry(told: Told) -> dict[str, object]:
    return {"number": told.number, "started_at": told.started_at.isoformat(), "posted": told.posted}
