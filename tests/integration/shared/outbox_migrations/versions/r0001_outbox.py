"""The outbox."""

from shared.outbox.table import create_outbox

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_outbox("posting")
