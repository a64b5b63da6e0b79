"""An agreement file as a draft of an edition: its text beside its meaning."""

from pathlib import Path

from sla_engine.adapters.agreement_file import parse_agreement, read_agreement
from sla_engine.application.in_force import Draft


def read_draft(file: Path) -> Draft:
    """The draft in a file. Raises `AgreementError` with every fault found, also where the file can't be read."""
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return Draft(content="", agreement=read_agreement(file))  # which says what is wrong, and the cure
    return Draft(content=content, agreement=parse_agreement(content, file=str(file)))
