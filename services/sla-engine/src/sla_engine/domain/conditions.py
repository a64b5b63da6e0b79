"""Conditions that put a lead into a segment: all, any, not over the facts known when the clock starts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.events.lead import Scalar

_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?")


class Subject(Protocol):
    """What conditions may ask about a lead. `owner` and `team` are names in the agreement, else ids in the CRM."""

    @property
    def attributes(self) -> Mapping[str, Scalar]: ...
    @property
    def source(self) -> str: ...
    @property
    def owner(self) -> str | None: ...
    @property
    def team(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A lead as it was at an instant."""

    attributes: Mapping[str, Scalar]
    source: str
    owner: str | None
    team: str | None


class Condition(Protocol):
    """A question about a lead."""

    def holds(self, subject: Subject) -> bool:
        """Whether it is so."""
        ...


@dataclass(frozen=True, slots=True)
class All:
    """Every one holds; of none, too."""

    parts: tuple[Condition, ...]

    def holds(self, subject: Subject) -> bool:
        return all(part.holds(subject) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801 - `Any` means something else to everyone who reads Python
    """At least one holds."""

    parts: tuple[Condition, ...]

    def holds(self, subject: Subject) -> bool:
        return any(part.holds(subject) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    part: Condition

    def holds(self, subject: Subject) -> bool:
        return not self.part.holds(subject)


@dataclass(frozen=True, slots=True)
class SourceIs:
    """The lead comes from one of these CRM connections."""

    names: frozenset[str]

    def holds(self, subject: Subject) -> bool:
        return subject.source in self.names


@dataclass(frozen=True, slots=True)
class OwnerIs:
    """One of these people or queues (by id in the agreement or the CRM) owns the lead."""

    ids: frozenset[str]

    def holds(self, subject: Subject) -> bool:
        return subject.owner in self.ids


@dataclass(frozen=True, slots=True)
class TeamIs:
    """The lead's owner belongs to one of these teams."""

    names: frozenset[str]

    def holds(self, subject: Subject) -> bool:
        return subject.team in self.names


@dataclass(frozen=True, slots=True)
class Exists:
    """The attribute has a value (or, `expected` False, has none). An empty text is no value."""

    attribute: str
    expected: bool

    def holds(self, subject: Subject) -> bool:
        return (subject.attributes.get(self.attribute) not in (None, "")) is self.expected


@dataclass(frozen=True, slots=True)
class IsOneOf:
    """The attribute equals one of `values`: numbers as numbers, texts whatever their case."""

    attribute: str
    values: frozenset[str | float]

    def holds(self, subject: Subject) -> bool:
        value = subject.attributes.get(self.attribute)
        return value is not None and comparable(value) in self.values


@dataclass(frozen=True, slots=True)
class Contains:
    """The attribute's text contains `text`, whatever the case."""

    attribute: str
    text: str

    def holds(self, subject: Subject) -> bool:
        value = subject.attributes.get(self.attribute)
        return value is not None and self.text.casefold() in str(value).casefold()


@dataclass(frozen=True, slots=True)
class Between:
    """The attribute is a number from `low` to `high`, both inclusive. CRMs send numbers as text: such a text counts."""

    attribute: str
    low: float
    high: float

    def holds(self, subject: Subject) -> bool:
        value = subject.attributes.get(self.attribute)
        number = None if value is None else comparable(value)
        return isinstance(number, float) and self.low <= number <= self.high


def comparable(value: Scalar) -> str | float:
    """A value in the form in which values are compared: numbers (also as text) as floats, texts folded in case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return float(value)
    if value is None:
        return ""
    text = value.strip()
    return float(text.replace(",", "")) if _NUMBER.fullmatch(text) else text.casefold()
