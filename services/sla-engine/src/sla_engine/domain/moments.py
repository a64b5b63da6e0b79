"""Conditions over what happens to a lead: questions of a fact and of the state after it, joined by all, any, not.

docs/clocks.md says what each means. A condition knows at which kinds of facts its answer may change, so that a story
asks no more than it must.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.events.envelope import ActorKind, Channel, Direction, Owner, OwnerKind
from shared.events.lead import Scalar
from sla_engine.domain.conditions import Condition, comparable
from sla_engine.domain.facts import (
    Accepted,
    AnyFact,
    Assigned,
    Attributes,
    Converted,
    Created,
    Deal,
    Deleted,
    Disposed,
    Fact,
    Merged,
    Rejected,
    Stage,
    Touch,
)

Kinds = frozenset[type[Fact]]

LOSSES: Kinds = frozenset({Merged, Deleted})
OF_STAGE: Kinds = LOSSES | {Stage, Disposed}
OF_OWNER: Kinds = LOSSES | {Assigned}
OF_ATTRIBUTES: Kinds = frozenset({Created, Attributes})
ALL_KINDS: Kinds = frozenset(
    {
        Created,
        Attributes,
        Stage,
        Assigned,
        Touch,
        Accepted,
        Rejected,
        Disposed,
        Converted,
        Merged,
        Deleted,
        Deal,
    }
)

# Bound once: in Python 3.11 each look at a member of an enum is a call.
_AUTOMATION = ActorKind.AUTOMATION
_INTEGRATION = ActorKind.INTEGRATION
_USER = OwnerKind.USER

EVENT_TYPES: Mapping[str, type[Fact]] = {
    "lead.created": Created,
    "lead.attributes_changed": Attributes,
    "lead.stage_changed": Stage,
    "lead.assigned": Assigned,
    "lead.accepted": Accepted,
    "lead.rejected": Rejected,
    "lead.disposed": Disposed,
    "lead.converted": Converted,
    "lead.merged": Merged,
    "lead.deleted": Deleted,
    "touch.logged": Touch,
    "deal.created": Deal,
    "deal.stage_changed": Deal,
    "deal.won": Deal,
    "deal.lost": Deal,
    "deal.reopened": Deal,
}
"""The types of lead events that a condition may name, and the facts that they become."""

FIELDS: Mapping[str, tuple[type[Fact], ...]] = {
    "disposition": (Disposed,),
    "reason": (Disposed, Rejected, Deal),
    "outcome": (Touch,),
    "channel": (Touch,),
    "direction": (Touch,),
    "completed": (Touch,),
    "automated": (Touch,),
    "performed_by": (Touch,),
    "stage": (Stage, Deal),
    "raw_stage": (Stage,),
    "deal": (Deal, Converted),
}
"""The fields that a condition may ask about, and the facts that have them."""

_ATTRIBUTE_OF = {"performed_by": "by_id"}


class Scene(Protocol):
    """What a condition sees: the fact that was just applied (None: between facts) and the lead's state after it.

    `owner` and `team` are names in the agreement, as conditions of segments ask for them; `held` is the owner itself.
    """

    @property
    def fact(self) -> AnyFact | None: ...
    @property
    def stage(self) -> str | None: ...
    @property
    def staying(self) -> bool:
        """Whether the lead is in the qualified stages and nothing in this instant ends that."""
        ...

    @property
    def held(self) -> Owner | None: ...
    @property
    def attributes(self) -> Mapping[str, Scalar]: ...
    @property
    def source(self) -> str: ...
    @property
    def owner(self) -> str | None: ...
    @property
    def team(self) -> str | None: ...
    @property
    def ended(self) -> frozenset[str]:
        """Clocks whose run was stopped in this instant."""
        ...

    @property
    def counts(self) -> Mapping["Count", int]:
        """How often each counted question held so far."""
        ...

    def team_of_toucher(self, touch: Touch) -> str | None:
        """The team of whoever touched the lead."""
        ...

    def toucher(self, touch: Touch) -> str | None:
        """Whoever touched the lead, by the id in the agreement, else in the CRM."""
        ...


class Moment(Protocol):
    """A condition. `kinds` are the facts at which its answer may change; `of_facts`: whether some question in it is
    asked of a fact; `rests`: whether it may hold between facts; `chained`: the clocks for whose end it asks; `counted`:
    the counted questions in it; `grounds`: on which words about the lead (stay, stage, owner) its answer rests."""

    @property
    def kinds(self) -> Kinds: ...
    @property
    def of_facts(self) -> bool: ...
    @property
    def rests(self) -> bool: ...
    @property
    def chained(self) -> frozenset[str]: ...
    @property
    def counted(self) -> tuple["Count", ...]: ...
    @property
    def grounds(self) -> frozenset[str]: ...

    def holds(self, scene: Scene) -> bool:
        """Whether it is so."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    """What all single questions share."""

    kinds: Kinds = ALL_KINDS
    of_facts: bool = False
    rests: bool = True
    chained: frozenset[str] = frozenset()
    counted: tuple["Count", ...] = ()
    grounds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Joined:
    """Several conditions, of which all must hold or any."""

    parts: tuple[Moment, ...]
    kinds: Kinds = field(init=False)
    of_facts: bool = field(init=False)
    rests: bool = field(init=False)
    chained: frozenset[str] = field(init=False)
    counted: tuple["Count", ...] = field(init=False)
    grounds: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        _join(self, self.parts)


def _join(whole: object, parts: tuple[Moment, ...]) -> None:
    object.__setattr__(whole, "kinds", frozenset().union(*(part.kinds for part in parts)))
    object.__setattr__(whole, "of_facts", any(part.of_facts for part in parts))
    object.__setattr__(whole, "chained", frozenset().union(*(part.chained for part in parts)))
    object.__setattr__(whole, "counted", tuple(each for part in parts for each in part.counted))
    object.__setattr__(whole, "grounds", frozenset().union(*(part.grounds for part in parts)))
    object.__setattr__(whole, "rests", any(part.rests for part in parts))


@dataclass(frozen=True, slots=True)
class AllHold(Joined):
    """Every one holds."""

    def __post_init__(self) -> None:
        _join(self, self.parts)
        object.__setattr__(self, "rests", all(part.rests for part in self.parts))

    def holds(self, scene: Scene) -> bool:
        """As `Moment` says."""
        for part in self.parts:  # noqa: SIM110 - a generator costs three times as much
            if not part.holds(scene):
                return False
        return True


@dataclass(frozen=True, slots=True)
class AnyHolds(Joined):
    """At least one holds."""

    def holds(self, scene: Scene) -> bool:
        """As `Moment` says."""
        for part in self.parts:  # noqa: SIM110 - a generator costs three times as much
            if part.holds(scene):
                return True
        return False


@dataclass(frozen=True, slots=True)
class NotHolds:
    """It does not hold. Turned round, a question of a fact holds at every other fact."""

    part: Moment
    kinds: Kinds = field(init=False)
    of_facts: bool = field(init=False)
    rests: bool = field(init=False)
    chained: frozenset[str] = field(init=False)
    counted: tuple["Count", ...] = field(init=False)
    grounds: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        _join(self, (self.part,))
        object.__setattr__(self, "rests", True)
        if self.part.of_facts:
            object.__setattr__(self, "kinds", ALL_KINDS)

    def holds(self, scene: Scene) -> bool:
        """As `Moment` says."""
        return not self.part.holds(scene)


@dataclass(frozen=True, slots=True)
class Happens(_Leaf):
    """A fact of one of these types, with these fields (each one of some values), just applied."""

    types: frozenset[str] = frozenset()
    fields: tuple[tuple[str, frozenset[str | float]], ...] = ()

    def holds(self, scene: Scene) -> bool:
        """As `Moment` says."""
        fact = scene.fact
        if fact is None or type(fact) not in self.kinds:
            return False
        if type(fact) is Deal and self.types and fact.kind not in self.types:
            return False
        for name, values in self.fields:
            value: Any = getattr(fact, _ATTRIBUTE_OF.get(name, name), None)
            if value is None or comparable(value) not in values:
                return False
        return True


def happens(types: frozenset[str], fields: Mapping[str, frozenset[str | float]]) -> Happens:
    """The question, with the kinds of facts that can answer it. No type: any that has all the fields."""
    kinds = frozenset(EVENT_TYPES[name] for name in types) if types else ALL_KINDS
    for name in fields:
        kinds &= frozenset(FIELDS[name])
    return Happens(kinds=kinds, of_facts=True, rests=False, types=types, fields=tuple(fields.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched(_Leaf):
    """A touch that counts was just made."""

    kinds: Kinds = frozenset({Touch})
    of_facts: bool = True
    rests: bool = False
    channels: tuple[Channel, ...] = (Channel.CALL, Channel.EMAIL, Channel.MEETING, Channel.MESSAGE)
    directions: tuple[Direction, ...] = (Direction.OUTBOUND,)
    by_owner: bool = False
    by_people: frozenset[str] = frozenset()
    by_teams: frozenset[str] = frozenset()
    automated: bool = False
    outcomes: frozenset[str | float] = frozenset()

    def holds(self, scene: Scene) -> bool:  # noqa: PLR0911 - the usual case first, and nothing asked for naught
        """As `Moment` says. Who did it may be unknown; a machine is no person."""
        touch = scene.fact
        if type(touch) is not Touch:
            return False
        if not touch.completed or touch.channel not in self.channels or touch.direction not in self.directions:
            return False
        if not self.automated and (touch.automated or touch.by_kind is _AUTOMATION or touch.by_kind is _INTEGRATION):
            return False
        if self.outcomes and (touch.outcome is None or comparable(touch.outcome) not in self.outcomes):
            return False
        if self.by_owner and (scene.held is None or touch.by_id != scene.held.id):
            return False
        if self.by_people and scene.toucher(touch) not in self.by_people:
            return False
        return not self.by_teams or scene.team_of_toucher(touch) in self.by_teams


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """From the `least`-th time on that the question held; a counter of its own (compared by identity)."""

    part: Moment
    least: int
    chained: frozenset[str] = frozenset()
    of_facts: bool = True
    rests: bool = False

    @property
    def kinds(self) -> Kinds:
        """As `Moment` says."""
        return self.part.kinds

    @property
    def grounds(self) -> frozenset[str]:
        """As `Moment` says."""
        return self.part.grounds

    @property
    def counted(self) -> tuple["Count", ...]:
        """Itself."""
        return (self,)

    def holds(self, scene: Scene) -> bool:
        """As `Moment` says."""
        return scene.counts.get(self, 0) >= self.least and self.part.holds(scene)


@dataclass(frozen=True, slots=True, kw_only=True)
class InStage(_Leaf):
    """The lead is in one of these stages."""

    kinds: Kinds = OF_STAGE
    grounds: frozenset[str] = frozenset({"stage"})
    stages: frozenset[str]

    def holds(self, scene: Scene) -> bool:
        """As `Moment` says."""
        return scene.stage in self.stages


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualified(_Leaf):
    """The lead is in the qualified stages (or, `expected` False, is not)."""

    kinds: Kinds = OF_STAGE
    grounds: frozenset[str] = frozenset({"stay"})
    expected: bool = True

    def holds(self, scene: Scene) -> bool:
        """As `Moment` says."""
        return scene.staying is self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedBy(_Leaf):
    """One of these kinds of owners has the lead; None is nobody."""

    kinds: Kinds = OF_OWNER
    grounds: frozenset[str] = frozenset({"owner"})
    owners: frozenset[OwnerKind | None]
    person: bool = field(init=False, default=False)
    """Whether a person is among them."""
    only_person: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "person", _USER in self.owners)
        object.__setattr__(self, "only_person", self.owners == {_USER})

    def holds(self, scene: Scene) -> bool:
        """As `Moment` says."""
        held = scene.held
        if held is None:
            return None in self.owners
        if held.kind is _USER:
            return self.person
        return False if self.only_person else held.kind in self.owners


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(_Leaf):
    """What segments may ask: attributes, source, owner, team."""

    kinds: Kinds = OF_ATTRIBUTES | OF_OWNER
    condition: Condition

    def holds(self, scene: Scene) -> bool:
        """As `Moment` says."""
        return self.condition.holds(scene)


@dataclass(frozen=True, slots=True, kw_only=True)
class HasEnded(_Leaf):
    """A run of that clock was stopped in this instant."""

    kinds: Kinds = frozenset()
    of_facts: bool = True
    rests: bool = False
    clock: str
    chained: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        object.__setattr__(self, "chained", frozenset({self.clock}))

    def holds(self, scene: Scene) -> bool:
        """As `Moment` says."""
        return self.clock in scene.ended
