"""Applying a mapping's JMESPath rules to JSON of any shape."""

from collections.abc import Iterator, Mapping

import msgspec

from ingest.domain import instants, json_body
from ingest.domain.lead_key import lead_key
from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import JsonRule, Source
from ingest.domain.translation import Told
from ingest.domain.translators.change import Change
from ingest.domain.translators.expressions import evaluate, is_true
from ingest.domain.translators.rule_events import EVENT_FIELDS
from shared.events.envelope import TimeSource

Part = Mapping[str, object]
"""One part of a body as expressions see it: its own fields, and `_part`, `_body`, `_headers`, `_ce`."""


def part_of(value: object, *, body: object, headers: Mapping[str, str], attributes: Part | None = None) -> Part:
    """What the expressions of a rule are evaluated on."""
    fields = value if isinstance(value, dict) else {}
    return {**fields, "_part": value, "_body": body, "_headers": headers, "_ce": attributes or {}}


def facts(raw: RawRequest, source: Source, part: Part, *, event_key: tuple[str, ...] | None) -> Iterator[Told]:
    """What every rule tells of the part, each by itself.

    `event_key` names the event where the transport does (webhook-id, CloudEvents source and id); a rule's `id` comes
    first, and without either the part's content names it.
    """
    applied = False
    for index, rule in enumerate(source.mapping.rules):
        place = f"mapping.rules[{index}]"
        if rule.when is None or is_true(evaluate(rule.when, part, place=f"{place}.when")):
            applied = True
            yield _told(raw, source, part, rule, place=place, event_key=event_key)
    if not applied:
        yield iter([("the part", "no rule's `when` holds")])


def _told(
    raw: RawRequest, source: Source, part: Part, rule: JsonRule, *, place: str, event_key: tuple[str, ...] | None
) -> Told:
    lead_id = json_body.text_id(evaluate(rule.lead, part, place=f"{place}.lead"), place=f"{place}.lead")
    moment = None if rule.occurred_at is None else evaluate(rule.occurred_at, part, place=f"{place}.occurred_at")
    if moment is None:
        moment = _ce_time(part)
    account = source.account or source.name
    change = Change(
        raw=raw,
        source=source,
        key=(*_event_key(part, rule, place, event_key), place),
        account=account,
        lead=lead_key(source, account=account, object_name="lead", object_id=lead_id),
        occurred_at=raw.received_at if moment is None else instants.from_anything(moment, place=f"{place}.occurred_at"),
        time_source=TimeSource.RECEIVED if moment is None else TimeSource.EVENT,
    )
    values = {
        name: evaluate(expression, part, place=f"{place}.fields.{name}") for name, expression in rule.fields.items()
    }
    for result, why in EVENT_FIELDS[rule.type].build(change, values):
        yield result, f"{place}: {why}"


def _ce_time(part: Part) -> object:
    attributes = part.get("_ce")
    return attributes.get("time") if isinstance(attributes, dict) else None


def _event_key(part: Part, rule: JsonRule, place: str, event_key: tuple[str, ...] | None) -> tuple[str, ...]:
    own = None if rule.id is None else evaluate(rule.id, part, place=f"{place}.id")
    if own is not None:
        return ("id", json_body.text_id(own, place=f"{place}.id"))
    if event_key is not None:
        return event_key
    return ("content", msgspec.json.encode(part.get("_part"), enc_hook=str, order="sorted").decode())
