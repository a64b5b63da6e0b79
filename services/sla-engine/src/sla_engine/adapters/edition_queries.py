"""Every query about editions of the agreement, named and described."""

NEWER = """
SELECT edition, version, content, open, applied_at FROM sla_engine.agreements WHERE edition > $1 ORDER BY edition
"""
"""Editions beyond those known."""

LISTED = """
SELECT edition, version, open, applied_at, applied_by FROM sla_engine.agreements ORDER BY edition DESC
"""
"""Editions as people are told of them."""

ALONE = "LOCK TABLE sla_engine.agreements IN SHARE ROW EXCLUSIVE MODE"
"""First in an application: of two at once, the second waits and then sees the first. Readers do not wait."""

NEWEST = "SELECT edition, version FROM sla_engine.agreements ORDER BY edition DESC LIMIT 1"
"""The edition that a new one follows."""

REQUIRE = "UPDATE sla_engine.partitions SET editions = $1"
"""Before the instant of applying is taken: waits for commits under way; of those that come later, none passes that
rests on fewer editions (`queries.FENCE`). So nothing that happens after that instant is judged without the edition."""

APPLY = """
INSERT INTO sla_engine.agreements (edition, version, content, open, applied_by, applied_at)
SELECT $1, $2, $3, $4, $5, greatest(
  clock_timestamp(),
  (SELECT max(applied_at) + interval '1 microsecond' FROM sla_engine.agreements),
  (SELECT timestamptz 'epoch' + (max(through_us) + 1) * interval '1 microsecond' FROM sla_engine.partitions))
RETURNING applied_at
"""
"""An edition, applied now by the database's clock: later than the one before, and than what was judged already."""

CHANNEL = "sla_engine_agreements"

TELL = f"SELECT pg_notify('{CHANNEL}', $1::text)"
"""Tell running engines; they look for themselves as well."""

PROGRESS = """
SELECT agreement AS mark, count(*) AS partitions FROM sla_engine.partitions
WHERE agreement IS NOT NULL OR position IS NOT NULL GROUP BY agreement
"""
"""Under which edition the open leads of how many partitions were last judged."""

LEADS_CONCERNED = """
SELECT l.id, l.history FROM sla_engine.leads l
WHERE l.id > $1 AND EXISTS (
  SELECT FROM sla_engine.obligations o
  WHERE o.lead = l.id AND o.state <> 'withdrawn' AND (o.stopped_at IS NULL OR EXISTS (
    SELECT FROM unnest($3::timestamptz[], $4::timestamptz[]) AS w (since, until)
    WHERE o.started_at <= w.until AND greatest(o.stopped_at, o.deadline) >= w.since)))
ORDER BY l.id LIMIT $2
"""
"""Histories of leads with a promise that is open, or that ran in a window; a batch of them, behind an id."""
