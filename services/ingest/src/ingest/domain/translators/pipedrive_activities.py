"""Pipedrive activities: planned ones are no touches until they are done."""

from collections.abc import Mapping
from datetime import datetime

from ingest.domain import instants, json_body
from ingest.domain.lead_key import lead_key
from ingest.domain.sources import ActivityRule
from ingest.domain.translators.change import Change
from ingest.domain.translators.pipedrive_message import Action, Json, Message
from ingest.domain.translators.vocabulary import Told, user_actor
from shared.events.envelope import Actor, ChangeOrigin, Channel, Direction
from shared.events.lead import TouchLogged

ACTIVITIES: Mapping[str, ActivityRule] = {
    "call": ActivityRule(channel=Channel.CALL),
    "email": ActivityRule(channel=Channel.EMAIL),
    "meeting": ActivityRule(channel=Channel.MEETING),
    "lunch": ActivityRule(channel=Channel.MEETING),
    "task": ActivityRule(channel=Channel.TASK, direction=Direction.UNKNOWN),
    "deadline": ActivityRule(channel=Channel.TASK, direction=Direction.UNKNOWN),
}
"""Pipedrive's own types; `mapping.activities` comes first."""

_UNKNOWN_ACTIVITY = ActivityRule(channel=Channel.OTHER, direction=Direction.UNKNOWN)
_DONE = (True, 1)


def activity_told(change: Change, message: Message) -> Told:
    """The touch that an activity is. A deleted activity is told as not completed: it no longer counts."""
    deleted = message.action is Action.DELETE
    record = message.previous if deleted else message.data
    own_key = _own_key(change, message)
    if change.lead == own_key:
        yield "activity without lead, deal or person", "it touches nobody we follow"
        return
    raw_type = json_body.optional_text(record.get("type")) or "(none)"
    rule = change.source.mapping.activities.get(raw_type) or ACTIVITIES.get(raw_type) or _UNKNOWN_ACTIVITY
    if not rule.touch:
        yield f"activity of type {raw_type!r}", "mapping.activities says it is no touch"
        return
    done = record.get("done") in _DONE and not deleted
    state = "done" if done else "deleted" if deleted else "planned, not done"
    yield _touch(change, message, record, rule, done=done), f"activity of type {raw_type!r}, {state}"


def moved_away_told(change: Change, message: Message, lead: str) -> Told:
    """The activity was taken from `lead` and given to another: it no longer counts where it was."""
    touch = _touch(change, message, message.data, _UNKNOWN_ACTIVITY, done=False, lead=lead)
    yield touch, f"the activity was moved from here to {change.lead}"


def _touch(
    change: Change, message: Message, record: Json, rule: ActivityRule, *, done: bool, lead: str | None = None
) -> TouchLogged:
    return TouchLogged(
        **change.envelope("touch.logged", about=lead or "", lead=lead),
        touch=_own_key(change, message),
        channel=rule.channel,
        direction=rule.direction,
        performed_at=_performed_at(change, record) if done else _planned_at(change, record),
        performed_by=_performer(change, record),
        completed=done,
        outcome=rule.outcome,
        automated=change.origin in (ChangeOrigin.IMPORT, ChangeOrigin.WORKFLOW),
    )


def _own_key(change: Change, message: Message) -> str:
    return lead_key(change.source, account=change.account, object_name="activity", object_id=message.entity_id)


def _performed_at(change: Change, record: Json) -> datetime:
    for name in ("marked_as_done_time", "update_time"):
        value = record.get(name)
        if value:
            return instants.from_text(value, place=f"data.{name}")
    return change.occurred_at


def _planned_at(change: Change, record: Json) -> datetime:
    """When it is due; a day without a time is taken at its start."""
    day, clock = record.get("due_date"), record.get("due_time")
    if not day:
        return change.occurred_at
    return instants.from_text(f"{day} {clock or '00:00'}", place="data.due_date")


def _performer(change: Change, record: Json) -> Actor | None:
    for name in ("owner_id", "user_id", "assigned_to_user_id"):
        user_id = json_body.optional_id(record.get(name), place=f"data.{name}")
        if user_id:
            return user_actor(change.source, user_id)
    return None
