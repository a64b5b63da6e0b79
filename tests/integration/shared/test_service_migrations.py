"""The migrations of services that keep no SQLAlchemy tables hold what all migrations hold."""

import asyncpg
import pytest

from ingest.adapters.schema import MIGRATIONS as INGEST
from sla_engine.adapters.schema import MIGRATIONS as SLA_ENGINE
from tests.integration.shared.migrations_suite import MigrationsSuite

pytestmark = pytest.mark.postgres


REQUEST = "INSERT INTO ingest.dead_requests (raw_id, source, request) VALUES ('r1', 'form', 'whole')"
LETTER = "INSERT INTO ingest.dead_letters (id, raw_id, reason, detail) VALUES ('d1', 'r1', 'malformed_body', 'why')"


class TestIngest(MigrationsSuite):
    source = INGEST
    data_before_last = (REQUEST, LETTER)

    async def check_data(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        assert await connection.fetchval("SELECT request FROM ingest.dead_requests") == b"whole"


LEAD = """
INSERT INTO sla_engine.leads (key, partition, source, name, history, announced, filed)
VALUES ('crm:acc:lead-1', 3, 'crm', 'Ada Lovelace', 'h', 'a', 'f')
"""
OBLIGATION = """
INSERT INTO sla_engine.obligations (
  id, lead, clock, clock_name, cycle, segment, team, owner, owner_name, state, outcome, started_at, deadline,
  target_us, agreement_version, reason
)
SELECT gen_random_uuid(), id, 'handoff', 'Handoff', 1, 'default', 'Inbound', 'marketing', 'Marketing', 'breached',
  'breached', '2024-01-08 10:00Z', '2024-01-08 11:00Z', 3600000000, '1+0123abcd', 'nobody owns it'
FROM sla_engine.leads
"""


class TestSlaEngine(MigrationsSuite):
    source = SLA_ENGINE
    data_before_last = (LEAD, OBLIGATION)

    async def check_data(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        found = await connection.fetchrow(
            "SELECT l.key, o.outcome FROM sla_engine.obligations o JOIN sla_engine.leads l ON l.id = o.lead"
        )
        assert found is not None
        assert tuple(found) == ("crm:acc:lead-1", "breached")
