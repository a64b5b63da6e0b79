"""CloudEvents attributes of our events, in binary mode on the stream: headers with the prefix `ce_`, JSON as the value.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.events import lead, sla

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"

Headers = tuple[tuple[str, bytes], ...]

_CONTENT_TYPE_HEADER = ("content-type", CONTENT_TYPE.encode())
_SPEC_VERSION_HEADER = ("ce_specversion", SPEC_VERSION.encode())


def lead_event_headers(event: lead.Event) -> Headers:
    """The source is the CRM connection and its account, the subject the lead."""
    return _headers(
        id=event.id,
        source=f"/crm/{event.source}/{event.account}",
        type=lead.event_type(event),
        subject=event.lead,
        time=event.occurred_at,
        traceparent=event.traceparent,
    )


def sla_event_headers(event: sla.SlaEvent) -> Headers:
    """The source is the agreement, the subject the lead."""
    return _headers(
        id=event.id,
        source=f"/agreements/{event.agreement}",
        type=sla.event_type(event),
        subject=event.lead,
        time=event.occurred_at,
        traceparent=event.traceparent,
    )


def forgotten_headers(event: sla.LeadForgotten) -> Headers:
    """The source is the engine as such: it is the person's word, and no agreement's."""
    return _headers(
        id=event.id,
        source="/sla-engine",
        type=sla.event_type(event),
        subject=event.lead,
        time=event.occurred_at,
        traceparent=None,
    )


def attributes(headers: Sequence[tuple[str, bytes]]) -> Mapping[str, str]:
    """The CloudEvents attributes among a record's headers, without the prefix."""
    return {name[3:]: value.decode() for name, value in headers if name.startswith("ce_")}


def _headers(*, id: str, source: str, type: str, subject: str, time: datetime, traceparent: str | None) -> Headers:  # noqa: A002 - CloudEvents' own names
    headers = (
        _CONTENT_TYPE_HEADER,
        _SPEC_VERSION_HEADER,
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", type.encode()),
        ("ce_subject", subject.encode()),
        ("ce_time", time.isoformat().encode()),
    )
    return headers if traceparent is None else (*headers, ("ce_traceparent", traceparent.encode()))
