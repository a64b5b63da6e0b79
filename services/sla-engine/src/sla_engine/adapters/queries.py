"""Every query of the engine's batch path, named and described. One statement a table, raw
asyncpg: arrays with unnest, or one JSON array where columns are many.

`leads` is the hot row: none of its indexed columns changes with an event, so its updates stay HOT (its fillfactor
leaves room on the page). What is indexed by time, the wake-up, lives in a narrow table of its own.
"""

CLAIM = """
INSERT INTO sla_engine.partitions AS p (partition, epoch, owner, editions)
VALUES ($1, 1, $2, (SELECT coalesce(max(edition), 0) FROM sla_engine.agreements))
ON CONFLICT (partition) DO UPDATE SET epoch = p.epoch + 1, owner = excluded.owner, claimed_at = now()
RETURNING epoch, position, through_us, agreement
"""
"""Own a partition: raises its epoch. Waits for a commit under way, whose result it then sees."""

FENCE = """
UPDATE sla_engine.partitions
SET position = coalesce($3, position),
    through_us = greatest(through_us, least($4, (extract(epoch FROM now()) * 1000000)::bigint)),
    agreement = coalesce($5, agreement)
WHERE partition = $1 AND epoch = $2 AND editions <= $6
"""
"""First in every commit: locks the partition's row until its end and moves the position. No row: the epoch is old, or
an edition of the agreement was applied that the owner does not know (`edition_queries.REQUIRE`).
The gate goes no further than this server's own clock: an owner whose clock is ahead must not open it for its
successors.
"""

OWNED = "SELECT EXISTS (SELECT FROM sla_engine.partitions WHERE partition = $1 AND epoch = $2)"
"""Whether the epoch still stands, where the fence refused."""

LOAD_BY_KEY = """
SELECT l.id, l.key, l.history, l.announced, l.filed,
       (SELECT w.wake_us FROM sla_engine.wakeups w WHERE w.lead = l.id) AS wake_us
FROM sla_engine.leads l
WHERE l.key = ANY($1::text[])
"""
"""The dossiers of the leads in a batch. A subquery, for with a join the planner reads all wake-ups there are."""

LOAD_BY_ID = """
SELECT l.id, l.key, l.history, l.announced, l.filed,
       (SELECT w.wake_us FROM sla_engine.wakeups w WHERE w.lead = l.id) AS wake_us
FROM sla_engine.leads l
WHERE l.id = ANY($1::bigint[])
"""
"""The dossiers of the leads that are due."""

INSERT_LEADS = """
INSERT INTO sla_engine.leads (partition, key, source, name, crm_url, history, announced, filed, provenance)
SELECT $1, d.key, d.source, d.name, d.crm_url, d.history, d.announced, d.filed, d.provenance
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[])
  AS d (key, source, name, crm_url, history, announced, filed, provenance)
RETURNING id, key
"""
"""Leads seen for the first time. That a key is there already means that another process wrote: the commit fails."""

UPDATE_LEADS = """
UPDATE sla_engine.leads l
SET name = d.name,
    crm_url = d.crm_url,
    history = coalesce(d.history, l.history),
    announced = d.announced,
    filed = d.filed,
    provenance = CASE WHEN d.history IS NULL THEN l.provenance ELSE l.provenance || d.provenance END
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[])
  AS d (id, name, crm_url, history, announced, filed, provenance)
WHERE l.id = d.id
"""
"""Leads known before. A history of NULL is one that did not change (a wake-up): it is not written again."""

SET_WAKEUPS = """
INSERT INTO sla_engine.wakeups (lead, partition, wake_us)
SELECT d.lead, $1, d.wake_us FROM unnest($2::bigint[], $3::bigint[]) AS d (lead, wake_us)
ON CONFLICT (lead) DO UPDATE SET wake_us = excluded.wake_us
"""
"""The next instant at which time alone has something to say about a lead."""

DROP_WAKEUPS = "DELETE FROM sla_engine.wakeups WHERE lead = ANY($1::bigint[])"
"""Leads about which time alone has nothing more to say."""

FILE_OBLIGATIONS = """
INSERT INTO sla_engine.obligations AS o (
  id, lead, clock, clock_name, cycle, round, segment, team, owner, owner_name, state, outcome, started_at, deadline,
  stopped_at, decided_at, target_us, business_us, wall_us, agreement_version, reason,
  said_event, said_transition, said_occurred_at, said_at, said_retracted)
SELECT * FROM json_to_recordset($1::json) AS d (
  id uuid, lead bigint, clock text, clock_name text, cycle int, round int, segment text, team text, owner text,
  owner_name text, state text, outcome text, started_at timestamptz, deadline timestamptz, stopped_at timestamptz,
  decided_at timestamptz, target_us bigint, business_us bigint, wall_us bigint, agreement_version text, reason text,
  said_event text, said_transition text, said_occurred_at timestamptz, said_at timestamptz, said_retracted text)
ON CONFLICT (id) DO UPDATE SET
  lead = excluded.lead, clock = excluded.clock, clock_name = excluded.clock_name, cycle = excluded.cycle,
  round = excluded.round, segment = excluded.segment, team = excluded.team, owner = excluded.owner,
  owner_name = excluded.owner_name, state = excluded.state, outcome = excluded.outcome,
  started_at = excluded.started_at, deadline = excluded.deadline,
  stopped_at = excluded.stopped_at, decided_at = excluded.decided_at, target_us = excluded.target_us,
  business_us = excluded.business_us, wall_us = excluded.wall_us, agreement_version = excluded.agreement_version,
  reason = excluded.reason,
  said_event = coalesce(excluded.said_event, o.said_event),
  said_transition = coalesce(excluded.said_transition, o.said_transition),
  said_occurred_at = coalesce(excluded.said_occurred_at, o.said_occurred_at),
  said_at = coalesce(excluded.said_at, o.said_at),
  said_retracted = CASE WHEN excluded.said_event IS NULL THEN o.said_retracted ELSE excluded.said_retracted END
"""
"""Promises as people ask for them: only rows that changed, or about which something was said. `$1` is one JSON array:
of so many columns it takes a sixth of our CPU, and less of the database's time, than 25 arrays to unnest."""

CLOSE_OBLIGATIONS = """
UPDATE sla_engine.obligations o
SET state = 'withdrawn',
    outcome = NULL,
    decided_at = NULL,
    said_event = coalesce(d.said_event, o.said_event),
    said_transition = coalesce(d.said_transition, o.said_transition),
    said_occurred_at = coalesce(d.said_occurred_at, o.said_occurred_at),
    said_at = coalesce(d.said_at, o.said_at),
    said_retracted = CASE WHEN d.said_event IS NULL THEN o.said_retracted ELSE d.said_retracted END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[])
  AS d (id, said_event, said_transition, said_occurred_at, said_at, said_retracted)
WHERE o.id = d.id
"""
"""Promises that the facts no longer bear out. The row stays, so that whoever was told learns it."""

PUT_ASIDE = """
INSERT INTO sla_engine.dead_letters (partition, record_offset, record_key, value, reason, detail)
SELECT $1, d.record_offset, d.record_key, d.value, d.reason, d.detail
FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::text[], $6::text[])
  AS d (record_offset, record_key, value, reason, detail)
ON CONFLICT (partition, record_offset) DO NOTHING
"""
"""Records that could not be processed, whole."""

WAKEUPS = """
SELECT wake_us, lead FROM sla_engine.wakeups
WHERE partition = $1 AND wake_us >= $2 AND wake_us < $3
ORDER BY wake_us LIMIT $4
"""
"""A stretch of a partition's agenda."""

OPEN_LEADS = """
SELECT DISTINCT o.lead FROM sla_engine.obligations o JOIN sla_engine.leads l ON l.id = o.lead
WHERE l.partition = $1 AND o.lead > $2 AND o.stopped_at IS NULL AND o.state <> 'withdrawn'
ORDER BY o.lead LIMIT $3
"""
"""Leads with an open promise, for judging again under a new agreement."""

OPEN_OR_IN_WINDOWS = """
SELECT DISTINCT o.lead FROM sla_engine.obligations o JOIN sla_engine.leads l ON l.id = o.lead
WHERE l.partition = $1 AND o.lead > $2 AND o.state <> 'withdrawn'
  AND (o.stopped_at IS NULL OR EXISTS (
    SELECT FROM unnest($4::timestamptz[], $5::timestamptz[]) AS w (since, until)
    WHERE o.started_at <= w.until AND greatest(o.stopped_at, o.deadline) >= w.since))
ORDER BY o.lead LIMIT $3
"""
"""Besides, leads with a closed promise that ran in a window: an exception was declared, changed or taken back."""

FORGET_LEADS = "UPDATE sla_engine.leads SET provenance = '' WHERE id = ANY($1::bigint[])"
"""What is kept about the events of leads that are forgotten, beside their bare history."""

FORGET_REASONS = "UPDATE sla_engine.obligations SET reason = '' WHERE lead = $1"
"""The words in which people told why, in a forgotten lead's promises. That there were promises, and how they ended,
stays."""

FORGET_LETTERS = """
UPDATE sla_engine.dead_letters SET value = '', detail = ''
WHERE partition = $1 AND value <> '' AND (record_key = $2 OR position($3::bytea in value) > 0)
"""
"""Records about a lead that could not be processed. `$3` is its key as it stands in JSON."""

FORGET_NEW_LETTERS = """
UPDATE sla_engine.dead_letters d SET value = '', detail = '' FROM sla_engine.forgotten f
WHERE d.partition = $1 AND d.value <> '' AND d.record_offset = ANY($2::bigint[])
  AND d.record_key = convert_to(f.key, 'UTF8')
"""
"""Records of leads that are forgotten already are not kept."""

WAITING_ABOUT = """
SELECT id, topic, value FROM sla_engine.outbox
WHERE partition = $1 AND (key = $2 OR position($3::bytea in value) > 0) ORDER BY id
"""
"""What was decided about a lead and waits to be published."""

REWRITE_WAITING = "UPDATE sla_engine.outbox SET value = $3 WHERE partition = $1 AND id = $2"
"""Publish it with another value."""

DROP_WAITING = "DELETE FROM sla_engine.outbox WHERE partition = $1 AND id = ANY($2::bigint[])"
"""Don't publish it."""

NOTE_FORGOTTEN = """
INSERT INTO sla_engine.forgotten AS f
  (key, asked_at, forgotten_at, events, promises, dead_letters, waiting)
SELECT $1, $2, $3, $4, (SELECT count(*) FROM sla_engine.obligations WHERE lead = $5), $6, $7
ON CONFLICT (key) DO UPDATE SET erased_at = NULL, dead_letters = f.dead_letters + excluded.dead_letters
RETURNING (xmax = 0) AS first
"""
"""That a lead is forgotten. Once more: something came later, and must go from the stream too."""

FORGOTTEN = "SELECT * FROM sla_engine.forgotten WHERE key = $1"
"""What was done when a lead was forgotten."""

TO_ERASE = """
SELECT f.key, p.position FROM sla_engine.forgotten f
JOIN sla_engine.leads l ON l.key = f.key JOIN sla_engine.partitions p ON p.partition = l.partition
WHERE f.erased_at IS NULL AND p.position IS NOT NULL ORDER BY f.key LIMIT $1
"""
"""Forgotten leads of which the stream still holds events, and the offset up to which they were taken in."""

ERASED = "UPDATE sla_engine.forgotten SET erased_at = $2 WHERE key = $1"
"""The stream holds nothing of it any more, as far as it was taken in."""

LEAD_SOURCE = "SELECT source FROM sla_engine.leads WHERE key = $1"
"""Whether a lead is known, and from which CRM."""
