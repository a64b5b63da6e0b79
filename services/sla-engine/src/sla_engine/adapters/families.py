"""The families of clocks that ship with the engine, as declarations: `families.yaml`, read once."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from ruamel.yaml import YAML

from sla_engine.adapters.agreement_schema import ClockEntry


def _read() -> Mapping[str, ClockEntry]:
    text = files("sla_engine.adapters").joinpath("families.yaml").read_text(encoding="utf-8")
    declared = YAML(typ="safe", pure=True).load(text)
    return MappingProxyType({name: ClockEntry.model_validate(entry) for name, entry in declared.items()})


FAMILIES = _read()
"""By name. They promise nothing by themselves: an agreement gives the targets."""
