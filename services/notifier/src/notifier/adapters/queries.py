"""Every SQL query of the notifier, named and described. Instants are parameters: the caller's clock decides."""

COLUMNS = (
    "id",
    "obligation",
    "lead",
    "event_id",
    "channel",
    "destination",
    "step",
    "operation",
    "thread",
    "announced_at",
    "state",
    "due_at",
    "sequence",
    "lease",
    "attempts",
    "leased_until",
    "sending_since",
    "provider_channel",
    "provider_id",
    "sent_at",
    "reason",
    "response",
)
"""The fields of a delivery as they stand in the table."""

_ALL = ", ".join(COLUMNS)
_ALL_D = ", ".join(f"d.{name}" for name in COLUMNS)

OWN_PARTITION = """
INSERT INTO notifier.offsets AS known (topic, partition, epoch, position) VALUES ($1, $2, 1, NULL)
ON CONFLICT (topic, partition) DO UPDATE SET epoch = known.epoch + 1
RETURNING epoch, position
"""
"""Take a partition over: the epoch that fences its former owner, and the offset to read on from (null: none yet)."""

MOVE_POSITION = """
UPDATE notifier.offsets SET position = $4 WHERE topic = $1 AND partition = $2 AND epoch = $3
"""
"""Move a partition's position, unless somebody else has taken it over; also locks its row until the commit."""

ACCEPT_EVENTS = """
INSERT INTO notifier.inbox (event_id, obligation, type, payload, received_at, lead)
SELECT event_id, obligation, type, payload, $5, lead
FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $6::text[]) WITH ORDINALITY
  AS new (event_id, obligation, type, payload, lead, place)
ORDER BY place
ON CONFLICT (event_id) DO NOTHING
RETURNING event_id
"""
"""Store events not seen before; their ids come back. `sequence` follows the order given."""

DELIVERIES_OF = f"SELECT {_ALL} FROM notifier.deliveries WHERE obligation = ANY($1::text[]) ORDER BY sequence"  # noqa: S608 - constants
"""All deliveries of some obligations, in the order in which they were planned."""

ADD_DELIVERY = """
INSERT INTO notifier.deliveries
  (id, obligation, lead, event_id, channel, destination, step, operation, thread, announced_at, state, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO NOTHING
"""
"""Store a planned delivery; one that exists stays as it is."""

ADD_PACE = """
INSERT INTO notifier.paces (key, free_at) VALUES ($1, '-infinity') ON CONFLICT (key) DO NOTHING
"""
"""Make sure that a destination has a row by which replicas share its pace."""

PUT_ASIDE = """
INSERT INTO notifier.dead_letters (topic, partition, "offset", key, value, reason, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (topic, partition, "offset") DO NOTHING
"""
"""Store a record that nobody can read."""

CANDIDATES = """
SELECT c.id
FROM notifier.paces p
CROSS JOIN LATERAL (
  SELECT d.id, d.sequence
  FROM notifier.deliveries d
  LEFT JOIN notifier.paces h ON h.key = d.channel || '::' || d.operation
  WHERE d.pace = p.key
    AND d.state IN ('pending', 'retry')
    AND d.due_at <= $1
    AND d.channel = ANY($2::text[])
    AND (h.free_at IS NULL OR h.free_at <= $1)
    AND NOT EXISTS (
      SELECT FROM notifier.deliveries e
      WHERE e.thread = d.thread AND e.sequence < d.sequence
        AND (e.state IN ('pending', 'retry', 'leased') OR (e.state = 'ambiguous' AND e.due_at IS NOT NULL)))
  ORDER BY d.sequence
  LIMIT 1) c
WHERE p.free_at <= $1 AND EXISTS (SELECT FROM notifier.deliveries WHERE state IN ('pending', 'retry'))
ORDER BY c.sequence
LIMIT 16
"""
"""Of each destination that is free the oldest delivery that is due and before which nothing of its thread is open.

By destination, so that a long queue for a busy channel is not read over and over: 20,000 waiting cost nothing here.
"""

LOCK_CANDIDATE = f"""
SELECT {_ALL} FROM notifier.deliveries
WHERE id = ANY($2::text[]) AND state IN ('pending', 'retry') AND due_at <= $1
ORDER BY sequence
LIMIT 1
FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constants
"""The oldest of the candidates that no other worker has taken meanwhile, locked."""

TAKE_PACE = "UPDATE notifier.paces SET free_at = $2 WHERE key = $1 AND free_at <= $3"
"""Take the destination for one message; nothing is updated when another worker was quicker."""

FREE_PACE = "UPDATE notifier.paces SET free_at = $2 WHERE key = $1"
"""Say when the destination may be used again."""

HOLD = """
INSERT INTO notifier.paces AS held (key, free_at) VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE SET free_at = greatest(held.free_at, excluded.free_at)
"""
"""Nothing of this channel and operation leaves before the instant."""

WAITING_BESIDE = f"""
SELECT {_ALL} FROM notifier.deliveries d
WHERE d.pace = $1 AND d.state = 'pending' AND d.due_at <= $2 AND d.operation = 'post' AND d.step = 'breach'
  AND d.id <> $3 AND NOT EXISTS (SELECT FROM notifier.deliveries m WHERE m.thread = d.id AND m.state = 'rolled_up')
ORDER BY d.sequence
LIMIT $4
FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constants
"""Other broken promises that wait for the same destination and have nothing rolled up in them, oldest first."""

ROLL_UP = """
UPDATE notifier.deliveries SET state = 'rolled_up', due_at = NULL, thread = $1, reason = NULL
WHERE id = ANY($2::text[])
"""
"""These are said in the message of $1."""

ROLL_UP_CHANGES = "UPDATE notifier.deliveries SET thread = $1 WHERE thread = ANY($2::text[]) AND operation <> 'post'"
"""What was planned about them edits that message."""

LEAVE_OUT = """
UPDATE notifier.deliveries SET state = 'superseded', thread = id, reason = $2 WHERE id = $1 AND state = 'rolled_up'
"""
"""It is not said in another's message after all, and not at all."""

SET_FREE = """
UPDATE notifier.deliveries SET state = 'pending', thread = id, due_at = $2
WHERE id = ANY($1::text[]) AND state = 'rolled_up'
"""
"""These wait on their own again."""

PART_CHANGES = """
UPDATE notifier.deliveries SET thread = $1 WHERE thread = $2 AND obligation = $3 AND operation <> 'post'
"""
"""What was planned about it is about its own message again."""

ENTRIES = f"""
SELECT {_ALL_D}, i.payload FROM notifier.deliveries d JOIN notifier.inbox i ON i.event_id = d.event_id
WHERE d.thread = $1 AND d.operation = 'post' ORDER BY d.sequence
"""  # noqa: S608 - constants
"""The post $1 and all that is rolled up in it, with their events."""

EVENTS_OF = """
SELECT i.obligation, i.payload FROM notifier.inbox i WHERE i.obligation = ANY($1::text[]) ORDER BY i.sequence
"""
"""All events of some obligations, in order."""

SAVE_DELIVERY = """
UPDATE notifier.deliveries SET
  state = $4, due_at = $5, attempts = $6, leased_until = $7, sending_since = $8, provider_channel = $9,
  provider_id = $10, sent_at = $11, reason = $12, response = $13, operation = $14, lease = $15
WHERE id = $1 AND lease = $2 AND state = $3
"""
"""Write a delivery back, fenced on its lease and on the state it was in."""

WORK_EVENTS = """
SELECT i.event_id, i.payload FROM notifier.inbox i
WHERE i.obligation = $1 AND i.sequence >= (SELECT sequence FROM notifier.inbox WHERE event_id = $2)
ORDER BY i.sequence
"""
"""An event and all that came after it of the same obligation."""

WORK_POST = f"""
SELECT {_ALL_D}, i.payload FROM notifier.deliveries d JOIN notifier.inbox i ON i.event_id = d.event_id WHERE d.id = $1
"""  # noqa: S608 - constants
"""The message that an edit concerns, with the event it told of."""

EXPIRED = f"""
SELECT {_ALL} FROM notifier.deliveries WHERE state = 'leased' AND leased_until <= $1 ORDER BY leased_until LIMIT $2
"""  # noqa: S608 - constants
"""Leased deliveries whose lease ran out."""

TO_LOOK_UP = f"""
SELECT {_ALL} FROM notifier.deliveries WHERE state = 'ambiguous' AND due_at <= $1 ORDER BY due_at LIMIT $2
"""  # noqa: S608 - constants
"""Ambiguous deliveries whose next look is due."""

DELIVERY_BY_ID = f"SELECT {_ALL} FROM notifier.deliveries WHERE id = $1"  # noqa: S608 - constants
"""One delivery."""

LOCK_DELIVERY = f"{DELIVERY_BY_ID} FOR UPDATE"
"""One delivery, locked."""

REVIVE_THREAD = """
UPDATE notifier.deliveries SET state = 'pending', due_at = $2, reason = 'redriven'
WHERE thread = $1 AND id <> $1 AND state = 'superseded'
"""
"""Changes that were dropped because their message was never said, now that it is said after all."""

COUNT_BY_STATE = "SELECT channel, state, count(*) AS deliveries FROM notifier.deliveries GROUP BY channel, state"
"""For the gauge of deliveries by state."""

LIST_DELIVERIES = f"""
SELECT {_ALL} FROM notifier.deliveries
WHERE ($1::text[] IS NULL OR state = ANY($1::text[]))
  AND ($2::text IS NULL OR lead = $2)
  AND ($3::text IS NULL OR obligation = $3)
  AND ($4::text IS NULL OR channel = $4)
  AND ($5::bigint IS NULL OR sequence < $5)
ORDER BY sequence DESC
LIMIT $6
"""  # noqa: S608 - constants
"""Deliveries by filters, newest first, by keyset."""

TO_REDRIVE = """
SELECT id FROM notifier.deliveries
WHERE state = 'dead' OR ($1 AND state = 'ambiguous' AND due_at IS NULL) ORDER BY sequence
"""
"""All dead deliveries, and with $1 those that are ambiguous for good."""

LIST_LETTERS = """
SELECT id, topic, partition, "offset", key, value, reason, received_at FROM notifier.dead_letters
WHERE redriven_at IS NULL ORDER BY id LIMIT $1
"""
"""Records that could not be read and were not redriven."""

LETTER_REDRIVEN = "UPDATE notifier.dead_letters SET redriven_at = $2 WHERE id = $1"
"""The record could be read after all."""

PRUNE_INBOX = """
DELETE FROM notifier.inbox i WHERE received_at < $1
  AND NOT EXISTS (SELECT FROM notifier.deliveries d WHERE d.obligation = i.obligation)
"""
"""Old events about which nothing was ever said. What was said is kept: an edit may still come."""

FORGET_LEAD = """
INSERT INTO notifier.forgotten AS known (lead, forgotten_at, before_offset) VALUES ($1, $2, $3)
ON CONFLICT (lead) DO UPDATE SET before_offset = excluded.before_offset, erased_at = NULL
WHERE known.before_offset IS DISTINCT FROM excluded.before_offset
"""
"""The person behind a lead asked to be deleted; what stands on the stream before the offset is still to be erased."""

FORGOTTEN_AMONG = "SELECT lead FROM notifier.forgotten WHERE lead = ANY($1::text[])"
"""Which of these leads are forgotten."""

EVENTS_OF_LEAD = "SELECT event_id, payload FROM notifier.inbox WHERE lead = $1 ORDER BY sequence FOR UPDATE"
"""All that was taken in about a lead."""

REWRITE_EVENT = "UPDATE notifier.inbox SET payload = $2 WHERE event_id = $1"
"""Give an event another payload."""

DELIVERIES_OF_LEAD = f"SELECT {_ALL} FROM notifier.deliveries WHERE lead = $1 ORDER BY sequence"  # noqa: S608 - constants
"""All deliveries about a lead, in the order in which they were planned."""

DROP_WAITING = """
UPDATE notifier.deliveries d SET state = 'superseded', due_at = NULL, reason = $2
WHERE lead = $1 AND state IN ('pending', 'retry')
  AND NOT EXISTS (SELECT FROM notifier.deliveries m WHERE m.thread = d.id AND m.state = 'rolled_up')
"""
"""What waits to be said about a lead is not said any more, unless others are to be told in the same message."""

CLEAR_RESPONSES = "UPDATE notifier.deliveries SET response = NULL WHERE lead = $1 AND response IS NOT NULL"
"""What providers answered: it may quote the message."""

CLEAR_LETTERS = """
UPDATE notifier.dead_letters SET value = '', reason = $2, redriven_at = $3
WHERE (key = $1 OR position($1::bytea in value) > 0) AND value <> ''
"""
"""Unreadable records about a lead: that there were any is all that stays."""

TO_ERASE = """
SELECT lead, before_offset FROM notifier.forgotten WHERE erased_at IS NULL AND before_offset IS NOT NULL LIMIT $1
"""
"""Forgotten leads of which the stream still holds events that were taken in."""

ERASED = "UPDATE notifier.forgotten SET erased_at = $2 WHERE lead = $1"
"""The stream holds nothing of it before the offset any more."""
