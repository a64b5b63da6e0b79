"""docs/asyncapi.yaml (AsyncAPI 3), from the event types themselves."""

import inspect
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

import msgspec
from ruamel.yaml import YAML

from ingest.domain.raw_request import RawRequest
from shared.events import topics
from shared.events.lead import LeadEvent
from shared.events.sla import Saying

HEAD = "# Generated from the event types by `make docs`. Do not edit.\n"
RAW_REQUEST = "webhook.received"
REF = "#/components/schemas/{name}"

OPERATIONS = (
    ("ingest receives webhooks", "send", topics.CRM_RECEIVED),
    ("ingest translates", "receive", topics.CRM_RECEIVED),
    ("ingest tells what happened to leads", "send", topics.LEAD_EVENTS),
    ("sla-engine judges", "receive", topics.LEAD_EVENTS),
    ("sla-engine passes merged leads on", "send", topics.LEAD_EVENTS),
    ("sla-engine tells what became of promises", "send", topics.SLA_EVENTS),
    ("notifier delivers", "receive", topics.SLA_EVENTS),
    ("ingest forgets", "receive", topics.SLA_EVENTS),
)
DESCRIPTIONS = {
    topics.CRM_RECEIVED: "Verified webhook requests as they came in, keyed by source; kept for replays.",
    topics.LEAD_EVENTS: "What happened to leads, in one vocabulary for all CRMs, keyed by lead.",
    topics.SLA_EVENTS: "What became of the promises made on leads, keyed by lead.",
}
SUMMARY = """What Leadpact's services say to each other. Lead events and SLA events are JSON, with CloudEvents
attributes as record headers (binary mode); raw requests are MessagePack. The stream is Apache Kafka, or a log in
PostgreSQL with the same topics, keys, partitions and headers."""


def asyncapi_document() -> str:
    """The whole document as YAML."""
    lead_types, sla_types = get_args(LeadEvent), get_args(Saying)
    schemas = _schemas([*lead_types, *sla_types, RawRequest])
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Leadpact",
            "version": "1",
            "description": SUMMARY,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            topics.CRM_RECEIVED: _channel(topics.CRM_RECEIVED, [RAW_REQUEST]),
            topics.LEAD_EVENTS: _channel(topics.LEAD_EVENTS, [_tag(each) for each in lead_types]),
            topics.SLA_EVENTS: _channel(topics.SLA_EVENTS, [_tag(each) for each in sla_types]),
        },
        "operations": {_camel(name): _operation(name, action, topic) for name, action, topic in OPERATIONS},
        "components": {
            "messages": {
                RAW_REQUEST: _raw_message(),
                **{_tag(each): _message(each) for each in (*lead_types, *sla_types)},
            },
            "messageTraits": {"cloudEvent": _cloud_event()},
            "schemas": schemas,
        },
    }
    return HEAD + _yaml(document)


def _schemas(types: Sequence[type[msgspec.Struct]]) -> dict[str, Any]:
    """JSON Schemas by name. msgspec leaves out the format of instants, and keeps the indentation of docstrings."""
    _, schemas = msgspec.json.schema_components(types, ref_template=REF)
    for each in types:
        properties = schemas[each.__name__]["properties"]
        for field in msgspec.structs.fields(each):
            if field.type is datetime:
                properties[field.encode_name]["format"] = "date-time"
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return dict(sorted(schemas.items()))


def _channel(topic: str, messages: Sequence[str]) -> dict[str, Any]:
    return {
        "address": topic,
        "description": DESCRIPTIONS[topic],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _operation(name: str, action: str, topic: str) -> dict[str, Any]:
    return {"action": action, "summary": name, "channel": {"$ref": f"#/channels/{topic}"}}


def _message(event: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "name": _tag(event),
        "summary": _first_sentence(event),
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"$ref": REF.format(name=event.__name__)},
    }


def _raw_message() -> dict[str, Any]:
    return {
        "name": RAW_REQUEST,
        "summary": _first_sentence(RawRequest),
        "contentType": "application/vnd.msgpack",
        "payload": {"$ref": REF.format(name=RawRequest.__name__)},
    }


def _cloud_event() -> dict[str, Any]:
    """The record headers of every event."""
    text: Mapping[str, str] = {"type": "string"}
    return {
        "headers": {
            "type": "object",
            "required": ["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time"],
            "properties": {
                "ce_specversion": {"const": "1.0"},
                "ce_id": dict(text),
                "ce_source": dict(text),
                "ce_type": dict(text),
                "ce_subject": dict(text),
                "ce_time": {"type": "string", "format": "date-time"},
                "ce_traceparent": dict(text),
                "content-type": {"const": "application/json"},
            },
        }
    }


def _tag(event: type[msgspec.Struct]) -> str:
    return str(event.__struct_config__.tag)


def _first_sentence(documented: type) -> str:
    return (documented.__doc__ or "").strip().splitlines()[0]


def _camel(words: str) -> str:
    first, *others = words.replace("-", " ").split()
    return first + "".join(word.capitalize() for word in others)


def _text(representer: Any, text: str) -> Any:  # noqa: ANN401 - ruamel's own types are not public
    """Texts of several lines as blocks."""
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


def _yaml(document: Mapping[str, Any]) -> str:
    yaml = YAML()
    yaml.representer.add_representer(str, _text)
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()
