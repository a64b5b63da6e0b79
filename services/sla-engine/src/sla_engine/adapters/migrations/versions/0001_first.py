"""Partitions, leads, wake-ups, obligations, dead letters, outbox."""

from alembic import op

from shared.outbox.table import create_outbox

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE sla_engine.partitions (
      partition integer PRIMARY KEY,
      epoch bigint NOT NULL,
      owner text NOT NULL,
      position bigint,
      through_us bigint NOT NULL DEFAULT 0,
      agreement text,
      claimed_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 50)
    """,
    # Room on the page: a lead's row is written again with each of its events, and should stay where it is (HOT).
    """
    CREATE TABLE sla_engine.leads (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      key text NOT NULL UNIQUE,
      partition integer NOT NULL,
      source text NOT NULL,
      name text NOT NULL,
      crm_url text,
      history bytea NOT NULL,
      announced bytea NOT NULL,
      filed bytea NOT NULL,
      provenance bytea NOT NULL DEFAULT ''
    ) WITH (fillfactor = 80)
    """,
    # MessagePack of short strings: compressing it again costs more than it saves.
    "ALTER TABLE sla_engine.leads ALTER history SET STORAGE EXTERNAL, ALTER provenance SET STORAGE EXTERNAL",
    "CREATE INDEX leads_by_name ON sla_engine.leads (lower(name) text_pattern_ops)",
    """
    CREATE TABLE sla_engine.wakeups (
      lead bigint PRIMARY KEY,
      partition integer NOT NULL,
      wake_us bigint NOT NULL
    )
    """,
    "CREATE INDEX wakeups_by_time ON sla_engine.wakeups (partition, wake_us)",
    """
    CREATE TABLE sla_engine.obligations (
      id uuid PRIMARY KEY,
      lead bigint NOT NULL,
      clock text NOT NULL,
      clock_name text NOT NULL,
      cycle integer NOT NULL,
      segment text NOT NULL,
      team text NOT NULL,
      owner text NOT NULL,
      owner_name text NOT NULL,
      state text NOT NULL,
      outcome text,
      started_at timestamptz NOT NULL,
      deadline timestamptz NOT NULL,
      stopped_at timestamptz,
      decided_at timestamptz,
      target_us bigint NOT NULL,
      business_us bigint,
      wall_us bigint,
      agreement_version text NOT NULL,
      reason text NOT NULL,
      said_event text,
      said_transition text,
      said_occurred_at timestamptz,
      said_at timestamptz,
      said_retracted text
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX obligations_by_deadline ON sla_engine.obligations (deadline, id)",
    "CREATE INDEX obligations_open ON sla_engine.obligations (deadline, id) WHERE stopped_at IS NULL",
    "CREATE INDEX obligations_decided ON sla_engine.obligations (decided_at) WHERE decided_at IS NOT NULL",
    "CREATE INDEX obligations_started ON sla_engine.obligations (started_at)",
    "CREATE INDEX obligations_by_lead ON sla_engine.obligations (lead)",
    """
    CREATE TABLE sla_engine.dead_letters (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      partition integer NOT NULL,
      record_offset bigint NOT NULL,
      record_key bytea NOT NULL,
      value bytea NOT NULL,
      reason text NOT NULL,
      detail text NOT NULL,
      at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (partition, record_offset)
    )
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
    create_outbox("sla_engine")
