"""The notifier's migrations hold what all services' migrations hold."""

import asyncpg

from notifier.adapters.schema import METADATA, MIGRATIONS
from tests.integration.shared.migrations_suite import MigrationsSuite

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
    """A delivery that waits from before knows its pace after the last revision."""

    source = MIGRATIONS
    metadata = METADATA
    data_before_last = (EVENT, DELIVERY)

    async def check_data(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        assert await connection.fetchval("SELECT pace FROM notifier.deliveries WHERE id = 'd1'") == "slack:C1"
