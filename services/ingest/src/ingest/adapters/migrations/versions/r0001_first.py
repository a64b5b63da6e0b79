"""Offsets of the translation, dead letters with their raw requests, when each source was last heard."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE ingest.offsets (
      partition integer PRIMARY KEY,
      epoch bigint NOT NULL,
      owner text NOT NULL,
      position bigint,
      claimed_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 50)
    """,
    # Once a request, however many of its parts failed.
    """
    CREATE TABLE ingest.dead_requests (
      raw_id text PRIMARY KEY,
      source text NOT NULL,
      received_at timestamptz,
      request bytea NOT NULL,
      first_seen timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE ingest.dead_letters (
      id text PRIMARY KEY,
      raw_id text NOT NULL REFERENCES ingest.dead_requests ON DELETE CASCADE,
      part integer,
      reason text NOT NULL,
      detail text NOT NULL,
      first_seen timestamptz NOT NULL DEFAULT now(),
      attempts integer NOT NULL DEFAULT 1,
      redriven_at timestamptz
    )
    """,
    "CREATE INDEX dead_letters_by_time ON ingest.dead_letters (first_seen, id)",
    "CREATE INDEX dead_letters_by_request ON ingest.dead_letters (raw_id)",
    "CREATE INDEX dead_requests_by_time ON ingest.dead_requests (first_seen)",
    """
    CREATE TABLE ingest.heard (
      source text PRIMARY KEY,
      last_received_at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
