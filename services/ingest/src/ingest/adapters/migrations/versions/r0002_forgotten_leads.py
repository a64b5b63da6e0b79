"""Leads whose person asked to be deleted, and how far the stream was read for more of them."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """
    CREATE TABLE ingest.forgotten (
      lead text PRIMARY KEY,
      forgotten_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE ingest.forgetting_offsets (
      partition integer PRIMARY KEY,
      position bigint NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
