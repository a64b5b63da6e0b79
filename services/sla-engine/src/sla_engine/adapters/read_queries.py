"""Every query that answers people and scrapes, named and described."""

LEADS = """
SELECT l.id, l.key, l.name, l.source, l.crm_url,
       count(o.id) FILTER (WHERE o.stopped_at IS NULL AND o.state <> 'withdrawn') AS open,
       count(o.id) FILTER (WHERE o.stopped_at IS NULL AND o.state = 'breached') AS breached,
       min(o.deadline) FILTER (WHERE o.stopped_at IS NULL AND o.state IN ('on_track', 'at_risk')) AS next_deadline
FROM (
  SELECT id, key, name, source, crm_url FROM sla_engine.leads
  WHERE ($1::text IS NULL OR key = $1 OR lower(name) LIKE $2) AND ($3::bigint IS NULL OR id < $3)
  ORDER BY id DESC LIMIT $4
) l LEFT JOIN sla_engine.obligations o ON o.lead = l.id
GROUP BY l.id, l.key, l.name, l.source, l.crm_url
ORDER BY l.id DESC
"""
"""A page of leads, the ones seen first latest first, with a count of their promises."""

LEAD = """
SELECT key, name, crm_url, history, announced, provenance FROM sla_engine.leads WHERE key = $1
"""
"""One lead, whole."""

OBLIGATIONS = """
SELECT o.id, l.key AS lead, l.name AS lead_name, l.crm_url, o.clock, o.clock_name, o.cycle, o.round, o.segment, o.team,
       o.owner, o.owner_name, o.state, o.outcome, o.started_at, o.deadline, o.stopped_at,
       o.target_us / 1e6::float8 AS target_seconds, o.business_us / 1e6::float8 AS business_seconds,
       o.wall_us / 1e6::float8 AS wall_seconds, o.agreement_version, o.reason,
       o.said_event, o.said_transition, o.said_occurred_at, o.said_at, o.said_retracted
FROM sla_engine.obligations o JOIN sla_engine.leads l ON l.id = o.lead
"""

"""Promises with their leads; `list_query` adds the filters."""

OBLIGATION = OBLIGATIONS + "WHERE o.id = $1"
"""One promise, by its primary key: the notifier asks before each send."""

COMPLIANCE = """
SELECT clock, team,
       count(*) FILTER (WHERE started_at >= $1 AND started_at < $2) AS opened,
       count(*) FILTER (WHERE decided AND outcome = 'met') AS met,
       count(*) FILTER (WHERE decided AND outcome = 'breached' AND state = 'met_late') AS met_late,
       count(*) FILTER (WHERE decided AND outcome = 'breached') AS breached,
       count(*) FILTER (WHERE decided AND outcome = 'excused') AS excused,
       count(*) FILTER (WHERE decided AND outcome = 'cancelled') AS cancelled,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY business_us / 1e6::float8)
         FILTER (WHERE decided AND state IN ('met', 'met_late')) AS median_business_seconds,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY business_us / 1e6::float8)
         FILTER (WHERE decided AND state IN ('met', 'met_late')) AS p90_business_seconds
FROM (
  SELECT *, coalesce(decided_at >= $1 AND decided_at < $2, false) AS decided FROM sla_engine.obligations
  WHERE ((started_at >= $1 AND started_at < $2) OR (decided_at >= $1 AND decided_at < $2)) AND state <> 'withdrawn'
    AND ($3::text IS NULL OR clock = $3) AND ($4::text IS NULL OR team = $4)
) o
GROUP BY clock, team ORDER BY clock, team
"""
"""Per clock and team, what was opened and what was decided in a period."""

ENDED = """
SELECT o.clock, o.team, w.name AS window, o.outcome, count(*) AS count
FROM unnest($1::text[], $2::timestamptz[]) AS w (name, since)
JOIN sla_engine.obligations o ON o.decided_at >= w.since AND o.decided_at <= $3
WHERE o.decided_at >= $4 AND o.outcome IN ('met', 'breached', 'excused')
GROUP BY o.clock, o.team, w.name, o.outcome
"""
"""Promises decided in each window. $4, the beginning of the longest, lets the index leave out what is older."""

STANDING = """
SELECT clock, team, state, count(*) AS count,
       min(deadline) FILTER (WHERE state IN ('on_track', 'at_risk')) AS next_deadline
FROM sla_engine.obligations WHERE stopped_at IS NULL AND state <> 'withdrawn'
GROUP BY clock, team, state
"""
"""Promises open now, and their nearest deadline."""

POSITIONS = "SELECT partition, position FROM sla_engine.partitions WHERE position IS NOT NULL"
"""How far each partition was read."""
