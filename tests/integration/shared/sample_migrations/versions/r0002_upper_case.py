"""Letters have an upper case, also those that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("letters", sa.Column("upper_case", sa.Text), schema="sample")
    op.execute("UPDATE sample.letters SET upper_case = upper(letter)")
    op.alter_column("letters", "upper_case", nullable=False, schema="sample")
