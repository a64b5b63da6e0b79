"""The documents say what the code does: what is generated is current, what is linked exists, what is shown works."""

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sla_engine.adapters.agreement_file import parse_agreement, read_agreement
from sla_engine.adapters.families import FAMILIES
from tests.support.generated import GENERATED, stale

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#)([^)#\s]+)")
TEST_NAME = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")


@pytest.mark.parametrize("name", list(GENERATED))
def test_what_is_generated_is_current(name: str) -> None:
    assert stale(name) == "", "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tests_that_are_named_exist(page: Path) -> None:
    missing = []
    for path, name in TEST_NAME.findall(page.read_text()):
        file = ROOT / path
        if not file.exists() or (name and f"def {name}(" not in file.read_text()):
            missing.append(f"{path}::{name}")
    assert missing == []


def test_the_agreement_in_the_document_is_one() -> None:
    text = (ROOT / "docs" / "agreement.md").read_text()
    example, own_clock, exceptions = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert [clock.name for clock in parse_agreement(example).clocks] == ["Handoff", "First touch"]
    assert example.rstrip().endswith("warnings: [75%]"), "so that what is shown later may follow it"
    extended = parse_agreement(example + own_clock.partition("clocks:\n")[2] + exceptions)
    assert [clock.name for clock in extended.clocks] == ["Handoff", "First touch", "Demo"]
    assert len(extended.exceptions) == 1


def test_the_document_names_every_family() -> None:
    text = (ROOT / "docs" / "agreement.md").read_text()
    assert re.findall(
        r"^\| `(\w+)` \|", text.partition("## The promises")[2].partition("##")[0], flags=re.MULTILINE
    ) == [*FAMILIES]


def test_the_demos_agreement_is_one() -> None:
    assert read_agreement(ROOT / "deploy" / "demo" / "agreement.yaml").name == "Inbound leads (demo)"


@pytest.mark.parametrize("file", sorted((ROOT / "deploy").rglob("*.yaml")), ids=lambda file: file.name)
def test_editors_find_the_schema_that_a_file_names(file: Path) -> None:
    for named in re.findall(r"^# yaml-language-server: \$schema=(\S+)", file.read_text(), flags=re.MULTILINE):
        assert (file.parent / named).exists(), named


def test_make_targets_in_the_documents_exist() -> None:
    printed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
    known = set(re.findall(r"^\s*(?:\x1b\[1m)?([\w-]+)", printed.stdout, flags=re.MULTILINE))
    text = "\n".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"(?:`|^    )make ([a-z][a-z-]+)", text, flags=re.MULTILINE))
    assert named
    assert named <= known


def test_the_compose_file_names_every_service() -> None:
    compose = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
    assert set(compose["services"]) == {"kafka", "postgres", "ingest", "sla-engine", "notifier"}
    for service in compose["services"].values():
        assert "healthcheck" in service
