"""Editions of the agreement, and how many of them an owner must know to commit to its partition."""

from alembic import op

revision = "0005"
down_revision = "0002"

STATEMENTS = (
    """
    CREATE TABLE sla_engine.agreements (
      edition integer PRIMARY KEY,
      version text NOT NULL,
      content text NOT NULL,
      open text NOT NULL,
      applied_at timestamptz NOT NULL,
      applied_by text NOT NULL
    )
    """,
    "ALTER TABLE sla_engine.partitions ADD COLUMN editions integer NOT NULL DEFAULT 0",
)


def upgrade() -> None:
    """Make the table and the column."""
    for statement in STATEMENTS:
        op.execute(statement)
