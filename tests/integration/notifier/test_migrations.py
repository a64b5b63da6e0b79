"""The notifier's migrations hold what all services' migrations hold."""

import asyncpg

from notifier.adapters.schema import METADATA, MIGRATIONS
from shared.database.migrations import upgrade
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
    """After the last revision a delivery from before may be rolled up in another."""

    source = MIGRATIONS
    metadata = METADATA
    data_before_last = (EVENT, DELIVERY)

    async def check_data(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        assert await connection.fetchval("SELECT pace FROM notifier.deliveries WHERE id = 'd1'") == "slack:C1"
        await connection.execute("UPDATE notifier.deliveries SET state = 'rolled_up', due_at = NULL WHERE id = 'd1'")

    async def test_an_event_from_before_leads_could_be_forgotten_knows_its_lead(self, database_url: str) -> None:
        """As far as it names one."""
        await upgrade(database_url, MIGRATIONS, "0002")
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute(EVENT)
            await connection.execute(WITH_LEAD)
            await upgrade(database_url, MIGRATIONS)
            found = await connection.fetch("SELECT event_id, lead FROM notifier.inbox ORDER BY event_id")
        finally:
            await connection.close()
        assert [tuple(row) for row in found] == [("e1", None), ("e2", "crm:acc:1")]
