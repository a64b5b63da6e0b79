"""What a clock asks, in a person's words: the condition by which it started, stopped, paused."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shared.events.envelope import OwnerKind
from sla_engine.domain import conditions, moments
from sla_engine.domain.moments import Moment

_EVENTS = {
    "lead.created": "the lead is created",
    "lead.attributes_changed": "its details change",
    "lead.stage_changed": "its stage changes",
    "lead.assigned": "it is assigned",
    "lead.accepted": "sales accepts it",
    "lead.rejected": "sales rejects it",
    "lead.disposed": "a disposition is told",
    "lead.converted": "it is converted",
    "lead.merged": "it is merged away",
    "lead.deleted": "it is deleted",
    "touch.logged": "an activity is logged",
    "deal.created": "a deal is created",
    "deal.stage_changed": "a deal's stage changes",
    "deal.won": "a deal is won",
    "deal.lost": "a deal is lost",
    "deal.reopened": "a deal is reopened",
}
_OWNERS: Mapping[OwnerKind | None, str] = {
    OwnerKind.USER: "a person",
    OwnerKind.QUEUE: "a queue",
    OwnerKind.TEAM: "a team",
    None: "nobody",
}
_ORDINALS = {1: "first", 2: "second", 3: "third"}


def in_words(moment: Moment, clock_names: Mapping[str, str]) -> str:
    """The condition as it follows "when": "it is qualified and a person owns it"."""
    return _moment(moment, clock_names)


def _moment(moment: Any, names: Mapping[str, str]) -> str:  # noqa: ANN401, C901, PLR0911 - one of the conditions, a case each
    match moment:
        case moments.AllHold():
            return " and ".join(_part(each, names) for each in moment.parts)
        case moments.AnyHolds():
            return " or ".join(_part(each, names) for each in moment.parts)
        case moments.NotHolds():
            return f"not ({_moment(moment.part, names)})"
        case moments.Count():
            ordinal = _ORDINALS.get(moment.least, f"{moment.least}th")
            return f"{_part(moment.part, names)}, for the {ordinal} time"
        case moments.HasEnded():
            return f"{names.get(moment.clock, moment.clock)} ended"
        case moments.Happens():
            return _happens(moment)
        case moments.Touched():
            return _touched(moment)
        case moments.InStage():
            return f"its stage is {_either(stage.upper() for stage in moment.stages)}"
        case moments.Qualified():
            return "it is qualified" if moment.expected else "it is not qualified"
        case moments.OwnedBy():
            return f"{_either(_OWNERS[each] for each in moment.owners)} owns it"
        case moments.Known():
            return condition_in_words(moment.condition)
        case _:
            return "its condition holds"


def _part(moment: Moment, names: Mapping[str, str]) -> str:
    words = _moment(moment, names)
    joined = isinstance(moment, moments.AllHold | moments.AnyHolds) and len(moment.parts) > 1
    return f"({words})" if joined else words


def _happens(moment: moments.Happens) -> str:
    what = _either((_EVENTS.get(each, each) for each in moment.types), "something is told")
    fields = [f"{name.replace('_', ' ')} {_values(values)}" for name, values in moment.fields]
    return f"{what} with {' and '.join(fields)}" if fields else what


def _touched(moment: moments.Touched) -> str:
    channels = _either(each.value for each in moment.channels)
    directions = _either(each.value for each in moment.directions)
    by = ["its owner"] if moment.by_owner else []
    by += [*sorted(moment.by_people), *(f"team {team}" for team in sorted(moment.by_teams))]
    words = f"it is touched ({channels}; {directions}"
    words += f"; by {_either(by)}" if by else ""
    words += f"; outcome {_values(moment.outcomes)}" if moment.outcomes else ""
    return words + ("; machines count)" if moment.automated else ")")


def condition_in_words(condition: Any) -> str:  # noqa: ANN401 - one of the conditions of segments
    """What is asked of a lead's attributes, source, owner or team."""
    say: Callable[[Any], str] | None = _CONDITIONS.get(type(condition))
    return "its segment's condition holds" if say is None else say(condition)


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _values(values: Iterable[object]) -> str:
    return _either(_value(each) for each in values)


def _either(words: Iterable[str], none: str = "nothing") -> str:
    """One of several, in an order that is always the same."""
    listed = sorted(words)
    if not listed:
        return none
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"


_CONDITIONS: Mapping[type, Callable[[Any], str]] = {
    conditions.All: lambda each: " and ".join(f"({condition_in_words(part)})" for part in each.parts),
    conditions.Any_: lambda each: " or ".join(f"({condition_in_words(part)})" for part in each.parts),
    conditions.Not: lambda each: f"not ({condition_in_words(each.part)})",
    conditions.SourceIs: lambda each: f"its source is {_either(each.names)}",
    conditions.OwnerIs: lambda each: f"its owner is {_either(each.ids)}",
    conditions.TeamIs: lambda each: f"its team is {_either(each.names)}",
    conditions.Exists: lambda each: f"{each.attribute} is {'known' if each.expected else 'not known'}",
    conditions.IsOneOf: lambda each: f"{each.attribute} is {_values(each.values)}",
    conditions.Contains: lambda each: f"{each.attribute} contains {each.text}",
    conditions.Between: lambda each: f"{each.attribute} is from {each.low:g} to {each.high:g}",
}
