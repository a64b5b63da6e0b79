"""Salesforce tasks and events (appointments): touches of the lead or contact that their WhoId names."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from ingest.domain import instants
from ingest.domain.lead_key import lead_key
from ingest.domain.salesforce_message import long_id, record_id
from ingest.domain.sources import ActivityRule
from ingest.domain.translators.change import Change
from ingest.domain.translators.vocabulary import Told, user_actor
from shared.events.envelope import Actor, Channel, Direction
from shared.events.lead import TouchLogged

Fields = Mapping[str, str | None]

ACTIVITIES: Mapping[str, ActivityRule] = {
    "Call": ActivityRule(channel=Channel.CALL),
    "Email": ActivityRule(channel=Channel.EMAIL),
    "ListEmail": ActivityRule(channel=Channel.EMAIL),
    "Meeting": ActivityRule(channel=Channel.MEETING),
    "LinkedIn": ActivityRule(channel=Channel.MESSAGE),
    "Task": ActivityRule(channel=Channel.TASK, direction=Direction.UNKNOWN),
}
"""By TaskSubtype or Type; `mapping.activities` comes first."""

_UNKNOWN_ACTIVITY = ActivityRule(channel=Channel.OTHER, direction=Direction.UNKNOWN)
_AUTOMATED_SUBTYPES = frozenset({"ListEmail"})
_DIRECTIONS: Mapping[str, Direction] = {"Inbound": Direction.INBOUND, "Outbound": Direction.OUTBOUND}


def activity_told(change: Change, fields: Fields, kind: str) -> Told:
    """The touch that a Task or Event is, planned or done."""
    if (fields.get("WhoId") or "")[:3] not in ("00Q", "003"):
        yield f"{kind} without a WhoId of a lead or contact", "it touches nobody we follow"
        return
    raw_type, rule = _rule(change, fields, kind)
    if not rule.touch:
        yield f"{kind} of type {raw_type!r}", "mapping.activities says it is no touch"
        return
    completed = _is_completed(change, fields, kind)
    performed_at = _performed_at(change, fields, kind)
    touch = TouchLogged(
        **change.envelope("touch.logged"),
        touch=lead_key(
            change.source,
            account=change.account,
            object_name=kind.lower(),
            object_id=record_id(fields.get("Id"), place="sObject.Id"),
        ),
        channel=rule.channel,
        direction=_DIRECTIONS.get(fields.get("CallType") or "", rule.direction),
        performed_at=performed_at,
        performed_by=_performer(change, fields),
        completed=completed,
        automated=fields.get("TaskSubtype") in _AUTOMATED_SUBTYPES,
        outcome=change.source.mapping.outcome(rule, fields.get("CallDisposition") or None),
    )
    state = "done" if completed else "planned, not done"
    yield touch, f"{kind} of type {raw_type!r}, {state}, performed at {performed_at.isoformat()}"


def _rule(change: Change, fields: Fields, kind: str) -> tuple[str, ActivityRule]:
    """TaskSubtype is Salesforce's own word and comes first, unless it is the plain `Task`; Type is the tenant's."""
    if kind == "Event":
        candidates = [fields.get("Type"), "Meeting"]
    else:
        subtype = fields.get("TaskSubtype")
        candidates = [None if subtype == "Task" else subtype, fields.get("Type"), subtype]
    for table in (change.source.mapping.activities, ACTIVITIES):
        for candidate in candidates:
            if candidate and candidate in table:
                return candidate, table[candidate]
    named = next((candidate for candidate in candidates if candidate), "(none)")
    return named, _UNKNOWN_ACTIVITY


def _is_completed(change: Change, fields: Fields, kind: str) -> bool:
    if kind == "Event":
        ended = fields.get("EndDateTime") or fields.get("ActivityDateTime") or fields.get("StartDateTime")
        return ended is not None and instants.from_text(ended, place="EndDateTime") <= change.raw.received_at
    if "IsClosed" in fields:
        return fields["IsClosed"] == "true"
    return fields.get("Status") in change.source.mapping.completed_statuses or bool(fields.get("CompletedDateTime"))


def _performed_at(change: Change, fields: Fields, kind: str) -> datetime:
    """When it was done: the CRM's own instant, else the end of its day, yet not after the record was written.

    ActivityDate is a day without a time. Its midnight would lie before anything of that day, and a touch before a
    promise began does not keep it.
    """
    for name in ("CompletedDateTime", "StartDateTime", "ActivityDateTime"):
        value = fields.get(name)
        if value:
            return instants.from_text(value, place=name)
    day = fields.get("ActivityDate")
    if not day or kind == "Event":
        return change.occurred_at
    end_of_day = instants.day_of(day[:10], place="ActivityDate") + timedelta(days=1, microseconds=-1)
    return min(change.occurred_at, end_of_day)


def _performer(change: Change, fields: Fields) -> Actor | None:
    owner = fields.get("OwnerId")
    return user_actor(change.source, long_id(owner)) if owner and owner.startswith("005") else None
