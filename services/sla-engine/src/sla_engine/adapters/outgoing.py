"""Events on their way to the stream: into the outbox, in the transaction that decided on them."""

from collections.abc import Sequence

from shared.events import lead, sla, topics
from shared.events.cloudevents import lead_event_headers, sla_event_headers
from shared.events.lead import LeadEvent
from shared.events.sla import AnySlaEvent
from shared.outbox import Outbox
from shared.outbox.store import Connection
from shared.streams.port import Record
from sla_engine.adapters.schema import SCHEMA

OUTBOX = Outbox(SCHEMA)


async def to_outbox(connection: Connection, *, partition: int, said: Sequence[AnySlaEvent]) -> None:
    """Store announcements to be published in this order, keyed by lead. `partition`: whose row is locked."""
    records = [
        Record(key=event.lead.encode(), value=sla.encode(event), headers=sla_event_headers(event)) for event in said
    ]
    await OUTBOX.add(connection, partition=partition, topic=topics.SLA_EVENTS, records=records)


async def pass_on(connection: Connection, *, partition: int, events: Sequence[LeadEvent]) -> None:
    """Store what leads are told of one another, keyed by the lead that is told. `partition`: whose row is locked."""
    records = [
        Record(key=event.lead.encode(), value=lead.encode(event), headers=lead_event_headers(event)) for event in events
    ]
    await OUTBOX.add(connection, partition=partition, topic=topics.LEAD_EVENTS, records=records)
