"""Which of a clock's runs in one stay of the lead a promise is."""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = ("ALTER TABLE sla_engine.obligations ADD COLUMN round integer NOT NULL DEFAULT 1",)


def upgrade() -> None:
    """Add the column; what stands is a first round."""
    for statement in STATEMENTS:
        op.execute(statement)
