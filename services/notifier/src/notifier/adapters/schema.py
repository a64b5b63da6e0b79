"""The notifier's tables as they are today. The revisions make them; a test compares the two."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from shared.database.migrations import MigrationSource

MIGRATIONS = MigrationSource(schema="notifier", package="notifier.adapters.migrations")
METADATA = MetaData(schema="notifier")

OFFSETS = Table(
    "offsets",
    METADATA,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("position", BigInteger),
    comment="How far each partition was taken in, and the epoch of its owner.",
)

INBOX = Table(
    "inbox",
    METADATA,
    Column("event_id", Text, primary_key=True),
    Column("sequence", BigInteger, Identity(always=True), nullable=False),
    Column("obligation", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("lead", Text),
    Index("inbox_obligation", "obligation", "sequence"),
    Index("inbox_lead", "lead"),
    comment="SLA events taken in, each once, in the order in which they came.",
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("sequence", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("obligation", Text, nullable=False),
    Column("lead", Text, nullable=False),
    Column("event_id", Text, ForeignKey("notifier.inbox.event_id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("announced_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", DateTime(timezone=True)),
    Column("lease", BigInteger, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("leased_until", DateTime(timezone=True)),
    Column("sending_since", DateTime(timezone=True)),
    Column("provider_channel", Text),
    Column("provider_id", Text),
    Column("sent_at", DateTime(timezone=True)),
    Column("reason", Text),
    Column("response", Text),
    Column("pace", Text, Computed("channel || ':' || destination", persisted=True)),
    CheckConstraint("state IN ('pending', 'leased', 'retry', 'sent', 'dead', 'ambiguous', 'superseded', 'rolled_up')"),
    CheckConstraint("(state = 'leased') = (leased_until IS NOT NULL)"),
    CheckConstraint("state NOT IN ('pending', 'retry') OR due_at IS NOT NULL"),
    Index("deliveries_waiting", "sequence", postgresql_where=text("state IN ('pending', 'retry')")),
    Index("deliveries_waiting_by_pace", "pace", "sequence", postgresql_where=text("state IN ('pending', 'retry')")),
    Index("deliveries_leased", "leased_until", postgresql_where=text("state = 'leased'")),
    Index("deliveries_uncertain", "due_at", postgresql_where=text("state = 'ambiguous'")),
    Index("deliveries_thread", "thread", "sequence"),
    Index("deliveries_obligation", "obligation", "sequence"),
    Index("deliveries_lead", "lead", "sequence"),
    comment="One message or edit to one destination each; see notifier.domain.delivery.",
)

PACES = Table(
    "paces",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("free_at", DateTime(timezone=True), nullable=False),
    comment="When a destination (channel:destination) or a kind of request (channel::operation) may be used again.",
)

DEAD_LETTERS = Table(
    "dead_letters",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("redriven_at", DateTime(timezone=True)),
    UniqueConstraint("topic", "partition", "offset"),
    comment="Records of sla.events that could not be read.",
)

FORGOTTEN = Table(
    "forgotten",
    METADATA,
    Column("lead", Text, primary_key=True),
    Column("forgotten_at", DateTime(timezone=True), nullable=False),
    Column("before_offset", BigInteger),
    Column("erased_at", DateTime(timezone=True)),
    comment="Leads whose person asked to be deleted: nothing personal of them is kept, whatever comes later.",
)
