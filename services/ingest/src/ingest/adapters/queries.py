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
