"""What happened, in a person's words: one sentence for each fact of a lead's history."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.events.envelope import ActorKind, Channel, Direction, OwnerKind
from sla_engine.domain import facts
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.facts import AnyFact

MOST_ATTRIBUTES = 6
_TOUCHES = {
    Channel.CALL: "call",
    Channel.EMAIL: "email",
    Channel.MEETING: "meeting",
    Channel.MESSAGE: "message",
    Channel.NOTE: "note",
    Channel.TASK: "task",
    Channel.OTHER: "activity",
}
_DIRECTIONS = {Direction.OUTBOUND: "Outbound", Direction.INBOUND: "Inbound", Direction.UNKNOWN: ""}
_OWNERS = {OwnerKind.USER: "", OwnerKind.QUEUE: "queue ", OwnerKind.TEAM: "team "}


def narrate(fact: AnyFact, agreement: Agreement, source: str) -> str:
    """One sentence without a full stop."""
    return _SENTENCES[type(fact)](fact, _Names(agreement, source))


class _Names:
    """Names for the ids that a CRM uses."""

    def __init__(self, agreement: Agreement, source: str) -> None:
        self._agreement = agreement
        self._source = source

    def of(self, crm_id: str | None, name: str | None = None) -> str:
        person = self._agreement.person(self._source, crm_id) if crm_id else None
        return person.name if person is not None else name or crm_id or "somebody"

    def by(self, crm_id: str | None) -> str:
        return f" by {self.of(crm_id)}" if crm_id else ""


def _created(fact: facts.Created, _names: _Names) -> str:
    return f"Created in the CRM{_attributes(fact.attributes)}"


def _changed(fact: facts.Attributes, _names: _Names) -> str:
    return f"Details changed{_attributes(fact.attributes)}"


def _attributes(attributes: Mapping[str, Any]) -> str:
    shown = [f"{name} {value}" for name, value in list(attributes.items())[:MOST_ATTRIBUTES]]
    more = len(attributes) - len(shown)
    return (": " + ", ".join(shown) + (f" and {more} more" if more else "")) if shown else ""


def _stage(fact: facts.Stage, _names: _Names) -> str:
    raw = f" ({fact.raw_stage} in the CRM)" if fact.raw_stage and fact.raw_stage.casefold() != fact.stage else ""
    return f"Stage became {fact.stage.upper()}{raw}"


def _assigned(fact: facts.Assigned, names: _Names) -> str:
    if fact.kind is None:
        return "Owner removed"
    return f"Assigned to {_OWNERS[fact.kind]}{names.of(fact.owner_id, fact.name)}"


def _touch(fact: facts.Touch, names: _Names) -> str:
    what = f"{_DIRECTIONS[fact.direction]} {_TOUCHES[fact.channel]}".strip().capitalize()
    planned = "" if fact.completed else ", planned only"
    machine = ", by automation" if fact.automated or fact.by_kind is ActorKind.AUTOMATION else ""
    person = f" by {names.of(fact.by_id, fact.by_name)}" if not machine and (fact.by_id or fact.by_name) else ""
    outcome = f": {fact.outcome}" if fact.outcome else ""
    return f"{what}{person}{machine}{planned}{outcome}"


def _accepted(fact: facts.Accepted, names: _Names) -> str:
    return f"Accepted by sales{names.by(fact.by_id)}"


def _rejected(fact: facts.Rejected, names: _Names) -> str:
    return f"Rejected by sales{names.by(fact.by_id)}" + (f": {fact.reason}" if fact.reason else "")


def _disposed(fact: facts.Disposed, names: _Names) -> str:
    return f"Disposition {fact.disposition}{names.by(fact.by_id)}" + (f": {fact.reason}" if fact.reason else "")


def _converted(fact: facts.Converted, _names: _Names) -> str:
    return "Converted" + (f" into deal {fact.deal}" if fact.deal else "")


def _merged(fact: facts.Merged, _names: _Names) -> str:
    return f"Merged into {fact.into}"


def _deleted(fact: facts.Deleted, _names: _Names) -> str:
    return "Deleted in the CRM" + (" at the person's request" if fact.privacy else "")


def _deal(fact: facts.Deal, _names: _Names) -> str:
    what = fact.kind.removeprefix("deal.").replace("_", " ")
    amount = f", {fact.amount} {fact.currency or ''}".rstrip() if fact.amount else ""
    stage = f" to {fact.stage}" if fact.stage and what == "stage changed" else ""
    return f"Deal {what}{stage}{amount}" + (f": {fact.reason}" if fact.reason else "")


_SENTENCES: dict[type[AnyFact], Callable[[Any, _Names], str]] = {
    facts.Created: _created,
    facts.Attributes: _changed,
    facts.Stage: _stage,
    facts.Assigned: _assigned,
    facts.Touch: _touch,
    facts.Accepted: _accepted,
    facts.Rejected: _rejected,
    facts.Disposed: _disposed,
    facts.Converted: _converted,
    facts.Merged: _merged,
    facts.Deleted: _deleted,
    facts.Deal: _deal,
}
