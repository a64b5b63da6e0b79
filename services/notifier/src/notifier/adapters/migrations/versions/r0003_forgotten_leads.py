"""Leads whose person asked to be deleted; events taken in know their lead."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    "ALTER TABLE notifier.inbox ADD COLUMN lead text",
    "UPDATE notifier.inbox SET lead = convert_from(payload, 'UTF8')::json ->> 'lead'",
    "CREATE INDEX inbox_lead ON notifier.inbox (lead)",
    """
    CREATE TABLE notifier.forgotten (
      lead text PRIMARY KEY,
      forgotten_at timestamptz NOT NULL,
      before_offset bigint,
      erased_at timestamptz
    )
    """,
    """
    COMMENT ON TABLE notifier.forgotten IS
      'Leads whose person asked to be deleted: nothing personal of them is kept, whatever comes later.'
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
