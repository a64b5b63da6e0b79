"""CloudEvents over HTTP: structured, batched and binary.

An event of one of our own types carries our own schema as data; any other goes through the rules of the source, which
see its attributes as `_ce` and its data as the part.

The `cloudevents` library's binding is not used here: it fills in a random id and the present time where they are
missing, and reads numbers as binary floats. An event without an id must be refused, a replay give the same event, and
an amount keep its digits.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import get_args
from urllib.parse import unquote

import msgspec

from ingest.domain import instants, json_body
from ingest.domain.lead_key import lead_key
from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import Source
from ingest.domain.translation import Collector, FailureReason, Told, Translation, Untranslatable
from ingest.domain.translators.expressions import parse_exact
from ingest.domain.translators.rules import facts, part_of
from shared.events.envelope import TimeSource
from shared.events.identity import identifier
from shared.events.lead import LeadEvent

Attributes = Mapping[str, object]

_REQUIRED = ("specversion", "id", "source", "type")
_OWN_TYPES: Mapping[str, type] = {str(one.__struct_config__.tag): one for one in get_args(LeadEvent)}
_INSTANTS = ("occurred_at", "performed_at")


def translate(raw: RawRequest, source: Source) -> Translation:
    """Every event of the request by itself."""
    collector = Collector()
    headers = dict(raw.headers)
    for index, envelope in enumerate(_envelopes(raw, headers)):
        try:
            for fact in _facts(raw, source, envelope, headers):
                collector.part(index, fact)
        except Untranslatable as refusal:
            collector.fail(index, refusal)
    return collector.result()


def _envelopes(raw: RawRequest, headers: Mapping[str, str]) -> list[object]:
    """Attributes and data in one object each, as the structured mode writes them."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type.startswith("application/cloudevents-batch"):
        body = parse_exact(raw.body)
        if not isinstance(body, list):
            raise Untranslatable(FailureReason.MALFORMED_BODY, "a batch of CloudEvents is a JSON array; this is none")
        return body
    if media_type.startswith("application/cloudevents") or "ce-specversion" not in headers:
        return [parse_exact(raw.body)]
    attributes = {name[3:]: _header_text(value) for name, value in headers.items() if name.startswith("ce-")}
    attributes["datacontenttype"] = headers.get("content-type", "application/json")
    return [{**attributes, "data": parse_exact(raw.body) if raw.body.strip() else None}]


def _header_text(value: str) -> str:
    """Binary mode percent-encodes what a header can't hold, and may quote the whole."""
    text = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    return unquote(text)


def _facts(raw: RawRequest, source: Source, value: object, headers: Mapping[str, str]) -> Iterator[Told]:
    envelope = json_body.record(value, place="the event")
    attributes = {name: each for name, each in envelope.items() if name not in ("data", "data_base64")}
    for name in _REQUIRED:
        json_body.text_id(attributes.get(name), place=f"CloudEvents attribute {name}")
    if not str(attributes["specversion"]).startswith("1."):
        raise Untranslatable(FailureReason.MALFORMED_PART, f"specversion {attributes['specversion']!r:.20} is not 1.x")
    data = _data(envelope)
    key = ("cloudevents", str(attributes["source"]), str(attributes["id"]))
    if attributes["type"] in _OWN_TYPES:
        yield _own(raw, source, attributes, data, key)
    else:
        part = part_of(data, body=envelope, headers=headers, attributes=attributes)
        yield from facts(raw, source, part, event_key=key)


def _data(envelope: Mapping[str, object]) -> object:
    encoded = envelope.get("data_base64")
    if not isinstance(encoded, str):
        return envelope.get("data")
    try:
        return parse_exact(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Untranslatable(FailureReason.MALFORMED_PART, "data_base64 is not base64") from error


def _own(raw: RawRequest, source: Source, attributes: Attributes, data: object, key: tuple[str, ...]) -> Told:
    """One of our own events. The envelope is ours to write; only lead, account and times come from the data."""
    event_type = str(attributes["type"])
    values = dict(json_body.record(data, place="data"))
    account = json_body.optional_id(values.get("account"), place="data.account") or source.account or source.name
    lead = json_body.text_id(values.get("lead") or attributes.get("subject"), place="data.lead")
    moment = values.get("occurred_at", attributes.get("time"))
    for name in _INSTANTS:
        if values.get(name) is not None:
            values[name] = instants.from_anything(values[name], place=f"data.{name}")
    values |= {
        "type": event_type,
        "id": identifier(source.name, *key, event_type, "0"),
        "source": source.name,
        "account": account,
        "lead": lead if ":" in lead else lead_key(source, account=account, object_name="lead", object_id=lead),
        "occurred_at": raw.received_at if moment is None else instants.from_anything(moment, place="time"),
        "time_source": TimeSource.RECEIVED if moment is None else TimeSource.EVENT,
        "received_at": raw.received_at,
        "raw_id": raw.id,
        "traceparent": raw.traceparent,
    }
    if "amount" in values:
        values["amount"] = json_body.decimal_text(values["amount"], place="data.amount")
    attributes_given = values.get("attributes")
    if isinstance(attributes_given, dict):
        values["attributes"] = {name: json_body.scalar(value) for name, value in attributes_given.items()}
    try:
        event: LeadEvent = msgspec.convert(values, _OWN_TYPES[event_type])
    except msgspec.ValidationError as error:
        raise Untranslatable(FailureReason.MALFORMED_PART, f"data: {error}") from error
    yield event, f"type {event_type} is one of our own"
