"""Privacy deletions: what is known of the person goes, what was promised still counts.

Segments are decided by attributes, so a lead that was forgotten is never judged again: its verdicts stay as filed. A
person is forgotten under every key: leads that were merged with it are told, each by a deletion of its own. See
docs/decisions/0058.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from shared.events.envelope import ChangeOrigin, TimeSource
from shared.events.forgetting import FORGOTTEN_NAME
from shared.events.identity import identifier
from shared.events.lead import LeadDeleted, LeadEvent, LeadJoined, LeadMerged
from shared.events.sla import LeadForgotten
from sla_engine.application.filing import Filed
from sla_engine.application.joining import account_of, same_person
from sla_engine.domain.facts import AnyFact, Attributes, Converted, Created, Deal, Deleted, Disposed, Rejected, Stage
from sla_engine.domain.facts import Touch as TouchFact
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us
from sla_engine.domain.obligation import Verdict


def is_forgotten(history: History) -> bool:
    """Whether the person asked to be deleted."""
    return Deleted in map(type, history.facts) and any(is_privacy_deletion(fact) for fact in history.facts)


def is_privacy_deletion(fact: AnyFact) -> bool:
    """Whether by this fact the person asked to be deleted."""
    return type(fact) is Deleted and fact.privacy


def asked_us(history: History) -> int:
    """When the person asked to be forgotten; at the latest, if more than once."""
    return max(fact.at_us for fact in history.facts if is_privacy_deletion(fact))


def until_asked(history: History) -> History:
    """What counts of it. What came after the person asked begins no promise: nobody would ever look after it."""
    last_us = asked_us(history)
    return msgspec.structs.replace(history, facts=tuple([fact for fact in history.facts if fact.at_us <= last_us]))


def forget(history: History) -> History:
    """The same events at the same times, with nothing that was told or written about the person."""
    facts = tuple([_bare(fact) for fact in history.facts])
    return msgspec.structs.replace(history, facts=facts, own=(), joined=())


def nameless(verdict: Verdict) -> Verdict:
    """The same verdict on nobody."""
    return msgspec.structs.replace(verdict, lead_name=FORGOTTEN_NAME, crm_url=None)


def reasonless(rows: Iterable[Filed]) -> list[Filed]:
    """The same rows without the words in which people told why."""
    return [msgspec.structs.replace(row, filing=msgspec.structs.replace(row.filing, reason="")) for row in rows]


def said_forgotten(history: History, *, announced_at: datetime) -> LeadForgotten:
    """What the other services are told."""
    return LeadForgotten(
        id=identifier("lead.forgotten", history.lead),
        lead=history.lead,
        source=history.source,
        occurred_at=from_us(asked_us(history)),
        announced_at=announced_at,
    )


def deletions(history: History) -> Sequence[LeadDeleted]:
    """For every other lead that is the same person: that it is to be forgotten too."""
    return [_deletion(history, lead) for lead in sorted(same_person(history))]


def deletions_for(history: History, events: Iterable[LeadEvent]) -> Sequence[LeadDeleted]:
    """The same, where a lead that is forgotten learns only now that others are the same person."""
    leads: set[str] = set()
    for event in events:
        if isinstance(event, LeadMerged):
            leads.add(event.into)
        elif isinstance(event, LeadJoined):
            leads.update(event.route)
    return [_deletion(history, lead) for lead in sorted(leads - {history.lead})]


def _deletion(history: History, lead: str) -> LeadDeleted:
    at = from_us(asked_us(history))
    return LeadDeleted(
        id=identifier("forgotten with", history.lead, lead),
        source=history.source,
        account=account_of(lead),
        lead=lead,
        occurred_at=at,
        time_source=TimeSource.EVENT,
        received_at=at,
        raw_id="",
        origin=ChangeOrigin.SYSTEM,
        privacy=True,
    )


def _bare(fact: AnyFact) -> AnyFact:
    match fact:
        case Created() | Attributes():
            return msgspec.structs.replace(fact, attributes={}, url=None)
        case Stage():
            return msgspec.structs.replace(fact, raw_stage="")
        case TouchFact():
            return msgspec.structs.replace(fact, touch="", outcome=None)
        case Rejected() | Disposed() | Deal():
            return msgspec.structs.replace(fact, reason=None)
        case Converted():
            return msgspec.structs.replace(fact, contact=None)
        case _:
            return fact
