"""An agreement file as a draft of an edition: its text beside its meaning."""

from pathlib import Path

from sla_engine.adapters.absence_feeds import Read
from sla_engine.adapters.agreement_file import parse_agreement, read_content
from sla_engine.application.in_force import Draft


def read_draft(file: Path) -> Draft:
    """The draft in a file. Raises `AgreementError` with every fault found, also where the file can't be read."""
    return read_draft_again(file, None)[0]


def read_draft_again(file: Path, before: Read | None) -> tuple[Draft, tuple[str, ...]]:
    """As `read_draft`; a calendar of absences that can't be read now says what it said `before`, where it did. The
    second answer names those."""
    content, stale = read_content(file, before=before)
    return Draft(content=content, agreement=parse_agreement(content, file=str(file))), stale
