"""Privacy deletions: what is known of the person goes, what was promised still counts.

Segments are decided by attributes, so a lead that was forgotten is never judged again: its verdicts stay as filed.
"""

import msgspec

from sla_engine.domain.facts import AnyFact, Attributes, Created, Deal, Deleted, Touch
from sla_engine.domain.history import History

FORGOTTEN_NAME = "(deleted)"


def is_forgotten(history: History) -> bool:
    """Whether the person asked to be deleted."""
    return any(is_privacy_deletion(fact) for fact in history.facts)


def is_privacy_deletion(fact: AnyFact) -> bool:
    """Whether by this fact the person asked to be deleted."""
    return type(fact) is Deleted and fact.privacy


def forget(history: History) -> History:
    """The same events at the same times, with nothing that a CRM user wrote about the person."""
    facts = tuple([_bare(fact) for fact in history.facts])
    return msgspec.structs.replace(history, facts=facts)


def _bare(fact: AnyFact) -> AnyFact:
    if isinstance(fact, Created | Attributes):
        return msgspec.structs.replace(fact, attributes={}, url=None)
    if isinstance(fact, Touch):
        return msgspec.structs.replace(fact, outcome=None)
    if isinstance(fact, Deal):
        return msgspec.structs.replace(fact, reason=None)
    return fact
