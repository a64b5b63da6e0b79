"""SLA events on their way to the stream: into the outbox, in the transaction that decided on them."""

from collections.abc import Sequence

from shared.events import sla, topics
from shared.events.cloudevents import sla_event_headers
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
