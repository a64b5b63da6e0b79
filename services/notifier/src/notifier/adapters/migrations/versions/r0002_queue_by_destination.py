"""Deliveries know the pace they keep, so that the oldest of each free destination is found at once."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """
    ALTER TABLE notifier.deliveries
      ADD COLUMN pace text GENERATED ALWAYS AS (channel || ':' || destination) STORED
    """,
    """
    CREATE INDEX deliveries_waiting_by_pace ON notifier.deliveries (pace, sequence)
      WHERE state IN ('pending', 'retry')
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
