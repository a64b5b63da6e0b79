"""The import contracts bite: a violation planted in a copy of the sources is found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = ("shared/src", "services/ingest/src", "services/sla-engine/src", "services/notifier/src")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / ".importlinter", tmp_path)
    for source in SOURCES:
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def lint(copy: Path) -> "subprocess.CompletedProcess[str]":
    # Paths are put first by a small program: the editable members of this environment must not be the ones linted.
    program = (
        f"import sys; sys.path[:0] = {[str(copy / source) for source in SOURCES]!r}; "
        "from importlinter.cli import lint_imports_command; "
        "lint_imports_command(['--no-cache', '--config', '.importlinter'])"
    )
    return subprocess.run([sys.executable, "-c", program], cwd=copy, capture_output=True, text=True, check=False)


def test_the_sources_keep_the_contracts(copy: Path) -> None:
    outcome = lint(copy)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("services/ingest/src/ingest/domain/planted.py", "import notifier", "Services never import each other"),
        ("services/sla-engine/src/sla_engine/domain/planted.py", "import asyncpg", "Only adapters know SQL"),
        ("services/notifier/src/notifier/domain/planted.py", "import asyncio", "A domain reads no clock"),
        ("services/notifier/src/notifier/adapters/planted.py", "import aiokafka", "Only shared.streams.kafka"),
        ("shared/src/shared/events/planted.py", "import shared.streams.port", "shared.events imports no transport"),
        ("shared/src/shared/planted.py", "import ingest", "shared knows no service"),
    ],
)
def test_a_planted_violation_fails(copy: Path, file: str, line: str, contract: str) -> None:
    (copy / file).write_text(line + "\n")
    outcome = lint(copy)
    assert outcome.returncode != 0
    broken = [text for text in outcome.stdout.splitlines() if "BROKEN" in text]
    assert any(contract in text for text in broken), outcome.stdout
