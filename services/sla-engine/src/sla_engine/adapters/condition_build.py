"""Conditions of segments from their entries in the file."""

import math
from collections.abc import Mapping

from sla_engine.adapters import agreement_schema as schema
from sla_engine.adapters.faults import Faults
from sla_engine.adapters.yaml_lines import Path
from sla_engine.domain.agreement import Person, Team
from sla_engine.domain.conditions import (
    All,
    Any_,
    Between,
    Condition,
    Contains,
    Exists,
    IsOneOf,
    Not,
    OwnerIs,
    SourceIs,
    TeamIs,
    comparable,
)

_QUESTIONS = ("equals", "one_of", "contains", "at_least", "at_most", "more_than", "less_than", "exists")


def build_condition(
    entry: schema.When, path: Path, faults: Faults, people: Mapping[str, Person], teams: Mapping[str, Team]
) -> Condition:
    """The condition; several things said side by side must all hold."""

    def below(each: schema.When, *steps: str | int) -> Condition:
        return build_condition(each, (*path, *steps), faults, people, teams)

    parts: list[Condition] = []
    if entry.all is not None:
        parts.append(All(tuple(below(each, "all", at) for at, each in enumerate(entry.all))))
    if entry.any is not None:
        parts.append(Any_(tuple(below(each, "any", at) for at, each in enumerate(entry.any))))
    if entry.not_ is not None:
        parts.append(Not(below(entry.not_, "not")))
    if entry.source is not None:
        parts.append(SourceIs(frozenset(entry.source)))
    if entry.owner is not None:
        parts.append(OwnerIs(frozenset(people[name].id if name in people else name for name in entry.owner)))
    if entry.team is not None:
        for name in entry.team:
            faults.known((*path, "team"), name, teams, "team")
        parts.append(TeamIs(frozenset(entry.team)))
    parts.extend(about_attribute(entry, path, faults))
    if not parts:
        faults.add(path, "asks nothing", "Name an attribute, source, owner or team, or join some with all, any, not")
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def about_attribute(entry: schema.Asked, path: Path, faults: Faults) -> list[Condition]:
    """What is asked about an attribute; several comparisons must all hold."""
    asked = [name for name in _QUESTIONS if getattr(entry, name) is not None]
    if entry.attribute is None:
        if asked:
            faults.add((*path, asked[0]), f"{asked[0]} asks about no attribute", 'Write "attribute:" beside it')
        return []
    if not asked:
        faults.add((*path, "attribute"), "says nothing of the attribute", f"Write one of {', '.join(_QUESTIONS)}")
        return []
    parts: list[Condition] = []
    name = entry.attribute
    if entry.equals is not None:
        parts.append(IsOneOf(name, frozenset({comparable(entry.equals)})))
    if entry.one_of is not None:
        parts.append(IsOneOf(name, frozenset(comparable(value) for value in entry.one_of)))
    if entry.contains is not None:
        parts.append(Contains(name, entry.contains))
    if entry.exists is not None:
        parts.append(Exists(name, entry.exists))
    if (bounds := _bounds(entry)) is not None:
        if bounds[0] > bounds[1]:
            faults.add((*path, "attribute"), "no number is so large and so small at once", "Turn the bounds round")
        parts.append(Between(name, *bounds))
    return parts


def _bounds(entry: schema.Asked) -> tuple[float, float] | None:
    low, high = -math.inf, math.inf
    if entry.at_least is not None:
        low = entry.at_least
    if entry.more_than is not None:
        low = max(low, math.nextafter(entry.more_than, math.inf))
    if entry.at_most is not None:
        high = entry.at_most
    if entry.less_than is not None:
        high = min(high, math.nextafter(entry.less_than, -math.inf))
    return None if (low, high) == (-math.inf, math.inf) else (low, high)
