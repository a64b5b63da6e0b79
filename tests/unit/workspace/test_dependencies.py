"""Every member declares what it imports: a shared environment would hide a missing dependency of one member."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MEMBERS = {
    "shared": "shared",
    "services/ingest": "ingest",
    "services/sla-engine": "sla_engine",
    "services/notifier": "notifier",
}
DISTRIBUTION_OF_MEMBER = {"shared": "leadpact-shared"}


@cache
def distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def declared(member: str) -> set[str]:
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    extras = [name for group in project.get("optional-dependencies", {}).values() for name in group]
    return {_normal(re.split(r"[\[;<>=! ]", name)[0]) for name in [*project["dependencies"], *extras]}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(member: str, package: str) -> dict[str, str]:
    """Top-level names that the member's sources import, each with one place."""
    found: dict[str, str] = {}
    for file in (ROOT / member / "src" / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            for name in _names(node):
                found.setdefault(name.split(".")[0], f"{file.relative_to(ROOT)}")
    return {name: place for name, place in found.items() if name not in sys.stdlib_module_names and name != package}


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_declares_what_it_imports(member: str) -> None:
    allowed = declared(member)
    missing = {
        f"{name} (imported in {place})"
        for name, place in imported(member, MEMBERS[member]).items()
        if not _candidates(name) & allowed
    }
    assert not missing, f"{member}/pyproject.toml does not declare: {sorted(missing)}"


def _candidates(name: str) -> set[str]:
    known = distributions().get(name) or [DISTRIBUTION_OF_MEMBER.get(name, name)]
    return {_normal(each) for each in known}


@pytest.mark.parametrize("member", MEMBERS)
def test_what_a_member_declares_is_locked(member: str) -> None:
    locked = {
        _normal(line.split("==")[0])
        for line in (ROOT / "requirements/run.txt").read_text().splitlines()
        if "==" in line
    }
    own = {_normal(tomllib.loads((ROOT / each / "pyproject.toml").read_text())["project"]["name"]) for each in MEMBERS}
    assert declared(member) - own <= locked


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt"])
def test_a_lock_holds_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    pinned = [line for line in text.splitlines() if re.match(r"^[a-z0-9].*==", line)]
    assert len(pinned) > 20
    assert all(line.endswith("\\") for line in pinned), "a pinned line without hashes"
    assert "://" not in text
    assert "index-url" not in text
