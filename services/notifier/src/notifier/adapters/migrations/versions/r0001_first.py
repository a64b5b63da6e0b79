"""Progress, inbox, deliveries, paces and dead letters."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE notifier.offsets (
      topic text NOT NULL,
      partition integer NOT NULL,
      epoch bigint NOT NULL,
      position bigint,
      PRIMARY KEY (topic, partition)
    )
    """,
    """
    COMMENT ON TABLE notifier.offsets IS 'How far each partition was taken in, and the epoch of its owner.'
    """,
    """
    CREATE TABLE notifier.inbox (
      event_id text PRIMARY KEY,
      sequence bigint GENERATED ALWAYS AS IDENTITY,
      obligation text NOT NULL,
      type text NOT NULL,
      payload bytea NOT NULL,
      received_at timestamptz NOT NULL
    )
    """,
    """
    COMMENT ON TABLE notifier.inbox IS 'SLA events taken in, each once, in the order in which they came.'
    """,
    """
    CREATE INDEX inbox_obligation ON notifier.inbox (obligation, sequence)
    """,
    """
    CREATE TABLE notifier.deliveries (
      id text PRIMARY KEY,
      sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
      obligation text NOT NULL,
      lead text NOT NULL,
      event_id text NOT NULL REFERENCES notifier.inbox,
      channel text NOT NULL,
      destination text NOT NULL,
      step text NOT NULL,
      operation text NOT NULL,
      thread text NOT NULL,
      announced_at timestamptz NOT NULL,
      state text NOT NULL
        CHECK (state IN ('pending', 'leased', 'retry', 'sent', 'dead', 'ambiguous', 'superseded')),
      due_at timestamptz,
      lease bigint NOT NULL DEFAULT 0,
      attempts integer NOT NULL DEFAULT 0,
      leased_until timestamptz,
      sending_since timestamptz,
      provider_channel text,
      provider_id text,
      sent_at timestamptz,
      reason text,
      response text,
      CHECK ((state = 'leased') = (leased_until IS NOT NULL)),
      CHECK (state NOT IN ('pending', 'retry') OR due_at IS NOT NULL)
    )
    """,
    """
    COMMENT ON TABLE notifier.deliveries IS 'One message or edit to one destination each; see notifier.domain.delivery.'
    """,
    """
    CREATE INDEX deliveries_waiting ON notifier.deliveries (sequence) WHERE state IN ('pending', 'retry')
    """,
    """
    CREATE INDEX deliveries_leased ON notifier.deliveries (leased_until) WHERE state = 'leased'
    """,
    """
    CREATE INDEX deliveries_uncertain ON notifier.deliveries (due_at) WHERE state = 'ambiguous'
    """,
    """
    CREATE INDEX deliveries_thread ON notifier.deliveries (thread, sequence)
    """,
    """
    CREATE INDEX deliveries_obligation ON notifier.deliveries (obligation, sequence)
    """,
    """
    CREATE INDEX deliveries_lead ON notifier.deliveries (lead, sequence)
    """,
    """
    CREATE TABLE notifier.paces (
      key text PRIMARY KEY,
      free_at timestamptz NOT NULL
    )
    """,
    """
    COMMENT ON TABLE notifier.paces IS
      'When a destination (channel:destination) or a kind of request (channel::operation) may be used again.'
    """,
    """
    CREATE TABLE notifier.dead_letters (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      topic text NOT NULL,
      partition integer NOT NULL,
      "offset" bigint NOT NULL,
      key bytea NOT NULL,
      value bytea NOT NULL,
      reason text NOT NULL,
      received_at timestamptz NOT NULL,
      redriven_at timestamptz,
      UNIQUE (topic, partition, "offset")
    )
    """,
    """
    COMMENT ON TABLE notifier.dead_letters IS 'Records of sla.events that could not be read.'
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
