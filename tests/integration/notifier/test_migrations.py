"""The notifier's migrations hold what all services' migrations hold."""

import asyncpg

from notifier.adapters.schema import METADATA, MIGRATIONS
from tests.integration.shared.migrations_suite import MigrationsSuite

WITH_LEAD = """
INSERT INTO notifier.inbox (event_id, obligation, type, payload, received_at)
VALUES ('e2', 'o2', 'obligation.breached', '{"lead": "crm:acc:1"}', '2026-03-02T10:00:00Z')
"""
EVENT = """
INSERT INTO notifier.inbox (event_id, obligation, type, payload, received_at)
VALUES ('e1', 'o1', 'obligation.breached', '{}', '2026-03-02T10:00:00Z')
"""
DELIVERY = """
INSERT INTO notifier.deliveries
  (id, obligation, lead, event_id, channel, destination, step, operation, thread, announced_at, state, due_at)
VALUES ('d1', 'o1', 'l1', 'e1', 'slack', 'C1', 'breach', 'post', 'd1', '2026-03-02T10:00:00Z', 'pending',
  '2026-03-02T10:00:00Z')
"""


class TestMigrations(MigrationsSuite):
    """After the last revision an event from before knows its lead, as far as it names one."""

    source = MIGRATIONS
    metadata = METADATA
    data_before_last = (EVENT, DELIVERY, WITH_LEAD)

    async def check_data(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        assert await connection.fetchval("SELECT pace FROM notifier.deliveries WHERE id = 'd1'") == "slack:C1"
        assert await connection.fetchval("SELECT lead FROM notifier.inbox WHERE event_id = 'e2'") == "crm:acc:1"
        assert await connection.fetchval("SELECT lead FROM notifier.inbox WHERE event_id = 'e1'") is None
