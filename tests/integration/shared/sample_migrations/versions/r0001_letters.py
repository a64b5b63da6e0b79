"""Letters."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("letters", sa.Column("letter", sa.Text, primary_key=True), schema="sample")
