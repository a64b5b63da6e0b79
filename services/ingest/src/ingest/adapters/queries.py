"""Every query of ingest, named and described."""

CLAIM = """
INSERT INTO ingest.offsets AS o (partition, epoch, owner)
VALUES ($1, 1, $2)
ON CONFLICT (partition) DO UPDATE SET epoch = o.epoch + 1, owner = excluded.owner, claimed_at = now()
RETURNING epoch, position
"""
"""Own a partition: raises its epoch. Waits for a commit under way, whose result it then sees."""

FENCE = "UPDATE ingest.offsets SET position = $3 WHERE partition = $1 AND epoch = $2"
"""First in every commit: locks the partition's row until its end and moves the position. No row: the epoch is old."""

KEEP_REQUESTS = """
INSERT INTO ingest.dead_requests (raw_id, source, received_at, request)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bytea[])
ON CONFLICT (raw_id) DO NOTHING
"""
"""The raw requests of dead letters. A repeat after a crash finds them there."""

KEEP_LETTERS = """
INSERT INTO ingest.dead_letters (id, raw_id, part, reason, detail)
SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[])
ON CONFLICT (id) DO NOTHING
"""
"""The dead letters themselves."""

HEARD = """
INSERT INTO ingest.heard AS h (source, last_received_at)
SELECT * FROM unnest($1::text[], $2::timestamptz[])
ON CONFLICT (source) DO UPDATE SET last_received_at = greatest(h.last_received_at, excluded.last_received_at)
"""
"""When each source was last heard."""

ALL_HEARD = "SELECT source, last_received_at FROM ingest.heard"
"""For the gauge of silent sources: it must survive a restart."""

_LETTER = """
SELECT l.id, l.raw_id, r.source, l.part, l.reason, l.detail, r.request, r.received_at, l.first_seen, l.redriven_at,
       l.attempts
FROM ingest.dead_letters l JOIN ingest.dead_requests r USING (raw_id)
"""

LIST = f"""{_LETTER}
WHERE ($1::text IS NULL OR r.source = $1) AND ($2::text IS NULL OR l.reason = $2)
  AND (NOT $3::boolean OR l.redriven_at IS NULL)
ORDER BY l.first_seen DESC, l.id
LIMIT $4
"""
"""Dead letters for people, the newest first."""

GET = f"""{_LETTER}
WHERE starts_with(l.id, $1) ORDER BY l.id LIMIT 2
"""
"""By id or the beginning of one; two rows mean that it is ambiguous."""

REDRIVEN = "UPDATE ingest.dead_letters SET redriven_at = now(), attempts = attempts + 1 WHERE id = $1"
"""Its part could be translated."""

FAILED_AGAIN = "UPDATE ingest.dead_letters SET reason = $2, detail = $3, attempts = attempts + 1 WHERE id = $1"
"""Its part still can't be translated."""

DELETE_BEFORE = "DELETE FROM ingest.dead_requests WHERE first_seen < $1"
"""Retention: raw requests hold personal data. The letters go with them."""

READY = "SELECT 1"
"""Whether the database answers."""

FORGET = "INSERT INTO ingest.forgotten (lead) VALUES ($1) ON CONFLICT (lead) DO NOTHING"
"""The person behind a lead asked to be deleted."""

FORGOTTEN_AMONG = "SELECT lead FROM ingest.forgotten WHERE lead = ANY($1::text[])"
"""Which of these leads are forgotten."""

ALL_FORGOTTEN = "SELECT lead FROM ingest.forgotten"
"""All leads that are forgotten: what could not be translated is looked through for them."""

FORGETTING_POSITIONS = "SELECT partition, position FROM ingest.forgetting_offsets"
"""How far sla.events was read for leads that are forgotten."""

MOVE_FORGETTING = """
INSERT INTO ingest.forgetting_offsets AS o (partition, position) VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET position = greatest(o.position, excluded.position)
"""
"""All before this was dealt with. Doing it twice is doing it once, so no epoch guards it."""

REQUESTS_WITH = "SELECT raw_id, request FROM ingest.dead_requests WHERE position($1::bytea in request) > 0 FOR UPDATE"
"""Kept requests in which these bytes stand."""

REWRITE_REQUEST = "UPDATE ingest.dead_requests SET request = $2 WHERE raw_id = $1"
"""Keep this instead."""

DELETE_REQUEST = "DELETE FROM ingest.dead_requests WHERE raw_id = $1"
"""Keep it no more, nor its letters."""

DELETE_PARTS = "DELETE FROM ingest.dead_letters WHERE raw_id = $1 AND part = ANY($2::integer[])"
"""Letters about parts that are gone."""

POSITIONS = "SELECT partition, position FROM ingest.offsets WHERE position IS NOT NULL"
"""How far crm.received was translated."""
