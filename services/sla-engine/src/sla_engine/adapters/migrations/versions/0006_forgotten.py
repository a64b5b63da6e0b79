"""Leads whose person asked to be deleted: that it was done, what went, and whether the stream was erased."""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    """
    CREATE TABLE sla_engine.forgotten (
      key text PRIMARY KEY,
      asked_at timestamptz NOT NULL,
      forgotten_at timestamptz NOT NULL,
      events integer NOT NULL,
      promises integer NOT NULL,
      dead_letters integer NOT NULL,
      waiting integer NOT NULL,
      erased_at timestamptz
    )
    """,
    "CREATE INDEX forgotten_to_erase ON sla_engine.forgotten (key) WHERE erased_at IS NULL",
    # Until now reasons of rejections and dispositions stayed in the rows of leads that were forgotten.
    """
    UPDATE sla_engine.obligations o SET reason = '' FROM sla_engine.leads l
    WHERE l.id = o.lead AND l.name = '(deleted)' AND o.reason <> ''
    """,
)


def upgrade() -> None:
    """Make the table."""
    for statement in STATEMENTS:
        op.execute(statement)
