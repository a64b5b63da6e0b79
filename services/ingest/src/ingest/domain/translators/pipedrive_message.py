"""Pipedrive's two bodies, v2 and v1, brought to one shape.

v2: {data, previous: changed fields only (null on create), meta{action create|change|delete, entity, entity_id, id, …}}.
v1: {current, previous: the full old record, meta{action added|updated|deleted|merged, object, id, timestamp in s}}.
They are told apart by `meta.version` and `v`.
"""

import enum
from collections.abc import Mapping
from datetime import datetime

import msgspec

from ingest.domain import instants, json_body
from ingest.domain.translation import FailureReason, Untranslatable

Json = Mapping[str, object]


class Action(enum.StrEnum):
    """What happened to the entity."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one entity. `previous` holds old values of changed fields only; `key` is the dedup key."""

    action: Action
    entity: str
    entity_id: str
    company_id: str
    data: Json
    previous: Json
    key: tuple[str, ...]
    occurred_at: datetime | None
    user_id: str | None
    change_source: str | None

    def changed(self, field: str) -> bool:
        """Whether the field has a value that is news: on creation if it is there, on a change if it differs."""
        if self.action is Action.CREATE:
            return self.data.get(field) is not None
        return field in self.previous and self.previous[field] != self.data.get(field)


_ACTIONS: Mapping[str, Action] = {
    "create": Action.CREATE,
    "added": Action.CREATE,
    "change": Action.CHANGE,
    "updated": Action.CHANGE,
    "delete": Action.DELETE,
    "deleted": Action.DELETE,
}


def read(value: object) -> Message | str:
    """The message, or the name of an action that concerns no promise. Raises `Untranslatable`."""
    body = json_body.record(value, place="the body")
    meta = json_body.record(body.get("meta"), place="meta")
    action_name = meta.get("action")
    if not isinstance(action_name, str):
        raise Untranslatable(FailureReason.MALFORMED_PART, f"meta.action: a word is needed, not {action_name!r:.60}")
    action = _ACTIONS.get(action_name)
    if action is None:
        return action_name
    if str(meta.get("version", "")).startswith("2"):
        return _v2(body, meta, action)
    if body.get("v") == 1 or meta.get("v") == 1:
        return _v1(body, meta, action)
    raise Untranslatable(
        FailureReason.MALFORMED_BODY, f"meta.version {meta.get('version')!r:.20} is neither 2.x nor v 1"
    )


def _v2(body: Json, meta: Json, action: Action) -> Message:
    data, previous = _optional_record(body.get("data"), "data"), _optional_record(body.get("previous"), "previous")
    stamp = meta.get("timestamp")
    identity = json_body.text_id(meta.get("id"), place="meta.id")
    company = json_body.text_id(meta.get("company_id"), place="meta.company_id")
    return Message(
        action=action,
        entity=json_body.text_id(meta.get("entity"), place="meta.entity"),
        entity_id=json_body.text_id(meta.get("entity_id"), place="meta.entity_id"),
        company_id=company,
        data=data,
        previous=previous,
        key=("pipedrive", company, identity),
        occurred_at=None if stamp is None else instants.from_anything(stamp, place="meta.timestamp"),
        user_id=json_body.optional_id(meta.get("user_id"), place="meta.user_id"),
        change_source=json_body.optional_text(meta.get("change_source")),
    )


def _v1(body: Json, meta: Json, action: Action) -> Message:
    """v1 has no id of its own and a timestamp in seconds: the dedup key takes in what changed (not `retry`)."""
    data, old = _optional_record(body.get("current"), "current"), _optional_record(body.get("previous"), "previous")
    previous = {name: value for name, value in old.items() if action is Action.DELETE or value != data.get(name)}
    stamp = meta.get("timestamp")
    entity = json_body.text_id(meta.get("object"), place="meta.object")
    entity_id = json_body.text_id(meta.get("id"), place="meta.id")
    company = json_body.text_id(meta.get("company_id"), place="meta.company_id")
    content = msgspec.json.encode([data, old], enc_hook=str, order="sorted").decode()
    return Message(
        action=action,
        entity=entity,
        entity_id=entity_id,
        company_id=company,
        data=data,
        previous=previous,
        key=("pipedrive", company, entity, entity_id, action.value, str(stamp), content),
        occurred_at=None if stamp is None else instants.from_anything(stamp, place="meta.timestamp"),
        user_id=json_body.optional_id(meta.get("user_id"), place="meta.user_id"),
        change_source=json_body.optional_text(meta.get("change_source")),
    )


def _optional_record(value: object, place: str) -> Json:
    return {} if value is None else json_body.record(value, place=place)
