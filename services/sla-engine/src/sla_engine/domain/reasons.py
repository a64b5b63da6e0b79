"""Why a run ended, in a person's words, by the fact that ended it."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.events.envelope import Owner, OwnerKind
from sla_engine.domain import facts
from sla_engine.domain.facts import AnyFact, Fact


def because(fact: AnyFact) -> str:
    """A few words; a touch's own are told where it is known who made it."""
    return _WORDS.get(type(fact), _details)(fact)


def owned(owner: Owner | None) -> str:
    """Who owns the lead now."""
    if owner is None:
        return "owned by nobody"
    return (
        "owned by a person" if owner.kind is OwnerKind.USER else f"owned by {owner.kind.value} {owner.name or owner.id}"
    )


def with_reason(what: str, reason: str | None) -> str:
    """What happened, and the reason that was given for it."""
    return f"{what}: {reason}" if reason else what


def _details(_: object) -> str:
    return "its details changed"


_WORDS: Mapping[type[Fact], Callable[[Any], str]] = {
    facts.Assigned: lambda fact: owned(fact.owner),
    facts.Stage: lambda fact: f"stage became {fact.stage}",
    facts.Accepted: lambda _: "accepted by sales",
    facts.Rejected: lambda fact: with_reason("rejected by sales", fact.reason),
    facts.Disposed: lambda fact: with_reason(fact.disposition, fact.reason),
    facts.Converted: lambda _: "converted",
    facts.Deal: lambda fact: with_reason(fact.kind.replace(".", " ").replace("_", " "), fact.reason),
    facts.Merged: lambda fact: f"merged into {fact.into}",
    facts.Deleted: lambda _: "deleted in the CRM",
}
