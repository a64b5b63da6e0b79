"""Indexes for the lists that people see first, and for judging open leads again: none reads what is long closed."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "CREATE INDEX obligations_broken ON sla_engine.obligations (deadline, id) WHERE outcome = 'breached'",
    "CREATE INDEX obligations_open_by_lead ON sla_engine.obligations (lead) WHERE stopped_at IS NULL",
)


def upgrade() -> None:
    """Make the indexes."""
    for statement in STATEMENTS:
        op.execute(statement)
