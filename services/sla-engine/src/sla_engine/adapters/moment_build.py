"""Conditions of clocks from their entries in the file: questions of facts and of the state, joined."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.events.envelope import Channel, Direction, OwnerKind
from sla_engine.adapters import agreement_schema as schema
from sla_engine.adapters.condition_build import about_attribute
from sla_engine.adapters.faults import Faults
from sla_engine.adapters.yaml_lines import Path
from sla_engine.domain.agreement import Person, Team
from sla_engine.domain.conditions import Condition, OwnerIs, SourceIs, TeamIs, comparable
from sla_engine.domain.moments import (
    EVENT_TYPES,
    FIELDS,
    OF_ATTRIBUTES,
    OF_OWNER,
    AllHold,
    AnyHolds,
    Count,
    Happens,
    HasEnded,
    InStage,
    Kinds,
    Known,
    Moment,
    NotHolds,
    OwnedBy,
    Qualified,
    Touched,
    happens,
)

_WORDS = {"channel": tuple(Channel), "direction": tuple(Direction), "completed": ("True", "False")}
"""Fields with words of ours, where another word would never hold."""
_OWNERS = {"person": OwnerKind.USER, "queue": OwnerKind.QUEUE, "team": OwnerKind.TEAM, "nobody": None}


@dataclass(frozen=True, slots=True)
class Names:
    """What conditions may name."""

    people: Mapping[str, Person]
    teams: Mapping[str, Team]
    clocks: tuple[str, ...]


def build_moment(entry: schema.MomentEntry, path: Path, names: Names, faults: Faults) -> Moment:
    """The condition; several things said side by side must all hold."""
    for word in ("all", "any", "event", "stage", "owner_kind", "source", "owner", "team"):
        if getattr(entry, word) == []:
            faults.add((*path, word), "is empty", "Write at least one")
    parts: list[Moment] = []
    if entry.all is not None:
        parts.append(
            AllHold(tuple(build_moment(each, (*path, "all", at), names, faults) for at, each in enumerate(entry.all)))
        )
    if entry.any is not None:
        parts.append(
            AnyHolds(tuple(build_moment(each, (*path, "any", at), names, faults) for at, each in enumerate(entry.any)))
        )
    if entry.not_ is not None:
        parts.append(NotHolds(build_moment(entry.not_, (*path, "not"), names, faults)))
    parts += _of_the_fact(entry, path, names, faults)
    parts += _of_the_state(entry, path, names, faults)
    if not parts:
        faults.add(
            path, "asks nothing", "Name an event, a touch, a stage, an owner_kind, or join some with all, any, not"
        )
    return parts[0] if len(parts) == 1 else AllHold(tuple(parts))


def _of_the_fact(entry: schema.MomentEntry, path: Path, names: Names, faults: Faults) -> list[Moment]:
    parts: list[Moment] = []
    if entry.event is not None or entry.fields is not None:
        parts.append(_event(entry, path, faults))
    if entry.touch is not None:
        parts.append(_touch(entry.touch, (*path, "touch"), names, faults))
    if entry.count is not None:
        if parts:
            parts = [Count(parts[0] if len(parts) == 1 else AllHold(tuple(parts)), entry.count)]
        else:
            faults.add((*path, "count"), "counts nothing", "Write event, fields or touch beside it")
    if entry.ended is not None:
        faults.known((*path, "ended"), entry.ended, names.clocks, "clock")
        parts.append(HasEnded(clock=entry.ended))
    return parts


def _event(entry: schema.MomentEntry, path: Path, faults: Faults) -> Happens:
    types = frozenset(entry.event or ())
    for name in types:
        faults.known((*path, "event"), name, EVENT_TYPES, "event")
    fields = {}
    for name, values in (entry.fields or {}).items():
        if faults.known((*path, "fields", name), name, FIELDS, "field"):
            for value in values:
                faults.known((*path, "fields", name), str(value), _WORDS.get(name, (str(value),)), name)
            fields[name] = frozenset(comparable(value) for value in values)
    found = happens(types & EVENT_TYPES.keys(), fields)
    if not found.kinds and not types - EVENT_TYPES.keys():
        faults.add(path, "no event has all of these fields", "Ask for fields of one and the same event")
    return found


def _touch(entry: schema.TouchEntry, path: Path, names: Names, faults: Faults) -> Touched:
    for at, name in enumerate(entry.by.team):
        faults.known((*path, "by", "team", at), name, names.teams, "team")
    people = names.people
    return Touched(
        channels=tuple(entry.channels),
        directions=tuple(entry.directions),
        by_owner=entry.by.owner,
        by_people=frozenset(people[name].id if name in people else name for name in entry.by.people),
        by_teams=frozenset(entry.by.team),
        automated=entry.automated,
        outcomes=frozenset(comparable(value) for value in entry.outcome),
    )


def _of_the_state(entry: schema.MomentEntry, path: Path, names: Names, faults: Faults) -> list[Moment]:
    parts: list[Moment] = []
    if entry.stage is not None:
        parts.append(InStage(stages=frozenset(stage.casefold() for stage in entry.stage)))
    if entry.qualified is not None:
        parts.append(Qualified(expected=entry.qualified))
    if entry.owner_kind is not None:
        for word in entry.owner_kind:
            faults.known((*path, "owner_kind"), word, _OWNERS, "kind of owner")
        parts.append(OwnedBy(owners=frozenset(_OWNERS[word] for word in entry.owner_kind if word in _OWNERS)))
    if entry.source is not None:
        parts.append(_known(SourceIs(frozenset(entry.source)), frozenset()))
    if entry.owner is not None:
        people = names.people
        asked = OwnerIs(frozenset(people[name].id if name in people else name for name in entry.owner))
        parts.append(_known(asked, OF_OWNER))
    if entry.team is not None:
        for name in entry.team:
            faults.known((*path, "team"), name, names.teams, "team")
        parts.append(_known(TeamIs(frozenset(entry.team)), OF_OWNER))
    parts += [_known(each, OF_ATTRIBUTES) for each in about_attribute(entry, path, faults)]
    return parts


def _known(condition: Condition, kinds: Kinds) -> Known:
    return Known(kinds=kinds, condition=condition, grounds=frozenset({"owner"}) if kinds is OF_OWNER else frozenset())
