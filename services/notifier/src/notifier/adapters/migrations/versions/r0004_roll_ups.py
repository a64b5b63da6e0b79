"""A delivery may be said in the message of another."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    "ALTER TABLE notifier.deliveries DROP CONSTRAINT deliveries_state_check",
    """
    ALTER TABLE notifier.deliveries ADD CONSTRAINT deliveries_state_check
      CHECK (state IN ('pending', 'leased', 'retry', 'sent', 'dead', 'ambiguous', 'superseded', 'rolled_up'))
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
