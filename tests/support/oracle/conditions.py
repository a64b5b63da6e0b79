"""Whether a condition holds, asked question by question as docs/clocks.md lists them."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.events import lead
from shared.events.envelope import Actor, ActorKind, Owner, OwnerKind
from tests.support.oracle.declared import Agreement, Condition
from tests.support.oracle.moments import Moment

COUNTED = ("event", "fields", "touch")
COMPARISONS: dict[str, Callable[[object, object], bool]] = {
    "equals": lambda value, asked: value == asked,
    "one_of": lambda value, asked: isinstance(asked, Sequence) and value in asked,
    "contains": lambda value, asked: isinstance(value, str) and str(asked).casefold() in value.casefold(),
    "at_least": lambda value, asked: _number(value) is not None and _number(value) >= _number(asked),  # type: ignore[operator]  # numbers by now
    "at_most": lambda value, asked: _number(value) is not None and _number(value) <= _number(asked),  # type: ignore[operator]  # numbers by now
    "more_than": lambda value, asked: _number(value) is not None and _number(value) > _number(asked),  # type: ignore[operator]  # numbers by now
    "less_than": lambda value, asked: _number(value) is not None and _number(value) < _number(asked),  # type: ignore[operator]  # numbers by now
}
OWNER_KINDS = {OwnerKind.USER: "person", OwnerKind.QUEUE: "queue", OwnerKind.TEAM: "team"}


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What a condition is asked about: the lead's moments up to now, counted from `since` on, and who stopped what."""

    agreement: Agreement
    moments: Sequence[Moment]
    place: int
    since: int
    ended: Mapping[str, Collection[dt.datetime]] = field(default_factory=dict)
    """Per clock, the instants at which runs of it were stopped, as far as they are told."""

    @property
    def moment(self) -> Moment:
        """The one that is asked about."""
        return self.moments[self.place]


def holds(condition: Condition, asking: Asking) -> bool:
    """Whether all of the questions hold."""
    questions = dict(condition)
    count = questions.pop("count", None)
    if count is not None:
        counted = {name: questions.pop(name) for name in COUNTED if name in questions}
        if not _counted(counted, int(str(count)), asking):
            return False
    if "attribute" in questions:
        name = str(questions.pop("attribute"))
        comparisons = {each: questions.pop(each) for each in (*COMPARISONS, "exists") if each in questions}
        if not _compares(asking.moment.attributes.get(name), comparisons):
            return False
    return all(_question(name, said, asking) for name, said in questions.items())


def _counted(counted: Condition, count: int, asking: Asking) -> bool:
    if asking.moment.fact is None or not holds(counted, asking):
        return False
    places = range(asking.since, asking.place + 1)
    return sum(holds(counted, replace(asking, place=place)) for place in places) >= count


def _question(name: str, said: object, asking: Asking) -> bool:  # noqa: C901, PLR0911 - one answer a question
    now = asking.moment
    match name:
        case "all":
            return all(holds(each, asking) for each in _conditions(said))
        case "any":
            return any(holds(each, asking) for each in _conditions(said))
        case "not":
            assert isinstance(said, Mapping)
            return not holds(said, asking)
        case "stage":
            return now.stage in _several(said)
        case "qualified":
            return now.qualified == said
        case "owner_kind":
            return _kind(now.owner) in _several(said)
        case "owner":
            return now.owner is not None and _known_as(now.owner, asking.agreement) & set(_several(said)) != set()
        case "team":
            return team_of(now.owner, asking.agreement) in _several(said)
        case "source":
            return now.source in _several(said)
        case "ended":
            return any(now.at in asking.ended.get(str(clock), ()) for clock in _several(said))
        case _:
            return now.fact is not None and _of_the_fact(name, said, now.fact, asking)


def _of_the_fact(name: str, said: object, fact: lead.LeadEvent, asking: Asking) -> bool:
    match name:
        case "event":
            return lead.event_type(fact) in _several(said)
        case "fields":
            assert isinstance(said, Mapping)
            return all(_has(fact, str(each), _several(values)) for each, values in said.items())
        case "touch":
            assert isinstance(said, Mapping)
            return isinstance(fact, lead.TouchLogged) and _touches(fact, said, asking)
        case _:
            raise AssertionError(f"no such question: {name}")


def _has(fact: lead.LeadEvent, name: str, values: Sequence[object]) -> bool:
    value = getattr(fact, name, None)
    if isinstance(value, Actor):
        value = value.id
    return value is not None and _plain(value) in [_plain(each) for each in values]


def _touches(touch: lead.TouchLogged, said: Mapping[str, object], asking: Asking) -> bool:
    channels = _several(said.get("channels", ["call", "email", "meeting", "message"]))
    directions = _several(said.get("directions", ["outbound"]))
    by = touch.performed_by
    machine = touch.automated or (by is not None and by.kind in {ActorKind.AUTOMATION, ActorKind.INTEGRATION})
    return (
        touch.completed
        and touch.channel.value in channels
        and touch.direction.value in directions
        and (not machine or said.get("automated") is True)
        and ("outcome" not in said or _has(touch, "outcome", _several(said["outcome"])))
        and _by(by, said.get("by", "anyone"), asking)
    )


def _by(actor: Actor | None, said: object, asking: Asking) -> bool:
    if said == "anyone":
        return True
    if actor is None or actor.id is None:
        return False
    if said == "owner":
        return asking.moment.owner is not None and asking.moment.owner.id == actor.id
    assert isinstance(said, Mapping)
    person = asking.agreement.person(actor.id)
    if "people" in said:
        return person is not None and person.id in _several(said["people"])
    return person is not None and person.team in _several(said["team"])


def team_of(owner: Owner | None, agreement: Agreement) -> str:
    """The team of whoever owns the lead: marketing's while nobody does, sales' for strangers."""
    if owner is None:
        return agreement.marketing_team
    person = agreement.person(owner.id) if owner.kind is OwnerKind.USER else None
    return person.team if person is not None else agreement.queues.get(owner.id, agreement.sales_team)


def _known_as(owner: Owner, agreement: Agreement) -> set[object]:
    person = agreement.person(owner.id)
    return {owner.id} if person is None else {owner.id, person.id}


def _kind(owner: Owner | None) -> str:
    return "nobody" if owner is None else OWNER_KINDS[owner.kind]


def _compares(value: lead.Scalar, comparisons: Mapping[str, object]) -> bool:
    if "exists" in comparisons and (value is not None) != comparisons["exists"]:
        return False
    asked = {name: said for name, said in comparisons.items() if name != "exists"}
    return not asked or (value is not None and all(COMPARISONS[name](value, said) for name, said in asked.items()))


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _conditions(said: object) -> list[Condition]:
    assert isinstance(said, Sequence)
    return list(said)


def _several(said: object) -> Sequence[object]:
    return said if isinstance(said, list | tuple) else [said]


def _plain(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value
