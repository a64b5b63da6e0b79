"""The names of the streams, in the direction of the data's way."""

CRM_RECEIVED = "crm.received"
"""Raw webhook requests as they came in, keyed by source."""
LEAD_EVENTS = "lead.events"
"""Lead events, keyed by lead."""
SLA_EVENTS = "sla.events"
"""SLA events, keyed by lead."""
