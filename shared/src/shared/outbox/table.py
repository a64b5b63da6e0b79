"""The outbox's table: for a service's metadata, and for the revision that makes it."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, LargeBinary, MetaData, Table, Text, func
from sqlalchemy.schema import CreateTable

from shared.outbox.store import TABLE

STORAGE = {
    # A queue's table is emptied all the time: clean it by the number of dead rows, not by a share of its size.
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 5_000,
    "autovacuum_vacuum_insert_threshold": -1,
    "autovacuum_analyze_scale_factor": 0.5,
}


def outbox_table(metadata: MetaData, *, schema: str) -> Table:
    """The outbox of a service, to stand in its metadata."""
    return Table(
        TABLE,
        metadata,
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("key", LargeBinary, nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("headers", LargeBinary, nullable=False),  # MessagePack: pairs of a name and bytes
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("refused", Text),  # why the stream will never take this record; it is passed over
        schema=schema,
        postgresql_with=STORAGE,
    )


def create_outbox(schema: str) -> None:
    """Make the table; call it in a revision's `upgrade`. A later change of it needs a function, and a revision."""
    op.execute(CreateTable(outbox_table(MetaData(), schema=schema)))
