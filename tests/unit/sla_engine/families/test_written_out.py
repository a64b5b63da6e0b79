"""The agreements under deploy/agreements: fit to be used, complete, and the same as the families of the engine."""

import pytest
from ruamel.yaml import YAML

from sla_engine.adapters.agreement_schema import ClockEntry
from sla_engine.adapters.families import FAMILIES
from tests.support.shipped_agreements import AGREEMENTS, shipped

FILES = sorted(AGREEMENTS.glob("*.yaml"))
OF_THE_AGREEMENT = {"targets", "warnings", "calendar", "on_reassignment", "blame", "escalate_to"}
"""What an agreement says of any clock; the rest is the family's."""
FILE_OF = {"attempt": "depth", "kickoff": "multilevel"}


def _clocks(file: str) -> dict[str, ClockEntry]:
    document = YAML(typ="safe").load((AGREEMENTS / f"{file}.yaml").read_text(encoding="utf-8"))
    return {name: ClockEntry.model_validate(entry) for name, entry in document["clocks"].items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_clock_as_written_out_is_the_family(family: str) -> None:
    written = _clocks(FILE_OF.get(family, family))[family]
    if family == "kickoff":  # which team holds it, no family can know
        assert written.held_by == "Customer service"
        assert written.stop is not None
        assert written.stop.touch is not None
        assert written.stop.touch.by.team == ["Customer service"]
        touch = written.stop.touch.model_copy(update={"by": type(written.stop.touch.by)()})
        stop = written.stop.model_copy(update={"touch": touch})
        written = written.model_copy(update={"held_by": "owner", "stop": stop})
    assert written.model_dump(exclude=OF_THE_AGREEMENT) == FAMILIES[family].model_dump(exclude=OF_THE_AGREEMENT)


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.stem != "agreement.example"], ids=lambda file: file.stem
)
def test_each_is_fit_to_be_used_and_hides_nothing_behind_a_family(file: object) -> None:
    name = file.stem  # type: ignore[attr-defined] # a path, by the table above
    assert shipped(name).clocks
    for entry in _clocks(name).values():
        assert entry.family is None
        assert entry.start is not None
        assert entry.stop is not None


def test_there_is_one_for_every_family() -> None:
    assert {FILE_OF.get(family, family) for family in FAMILIES} <= {file.stem for file in FILES}
