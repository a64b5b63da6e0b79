"""Every SQL statement of the log, named and described."""

TOPIC = "SELECT topic_id, partitions FROM stream.topics WHERE name = $1"

# Create a topic with its partitions, or nothing if it is there.
CREATE_TOPIC = """
WITH made AS (
    INSERT INTO stream.topics (name, partitions) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING
    RETURNING topic_id, partitions
)
INSERT INTO stream.partitions (topic_id, partition)
SELECT topic_id, generate_series(0, partitions - 1) FROM made
"""

APPEND = "SELECT stream.append($1, $2, $3, $4, $5, $6, $7)"

ENDS = "SELECT partition, next_offset FROM stream.partitions WHERE topic_id = $1"

# One look at all owned partitions, in one snapshot: for each a row with its end (key is null), then the records from
# its position on. Partitions that another member has claimed meanwhile are absent.
# $1 topic, $2 group, $3 partitions, $4 positions, $5 limit in all, $6 member, $7 limit for each
FETCH = """
WITH mine AS MATERIALIZED (
    SELECT w.partition, w.position, p.next_offset
    FROM unnest($3::int[], $4::bigint[]) AS w(partition, position)
    JOIN stream.claims c
        ON c.topic_id = $1 AND c.consumer_group = $2 AND c.partition = w.partition AND c.member_id = $6
    JOIN stream.partitions p ON p.topic_id = $1 AND p.partition = w.partition
)
SELECT partition, next_offset AS "offset", NULL::bytea AS key, NULL::bytea AS value, NULL::bytea AS headers,
    NULL::timestamptz AS appended_at
FROM mine
UNION ALL
(SELECT m.partition, r."offset", r.key, r.value, r.headers, r.appended_at
FROM mine m CROSS JOIN LATERAL (
    SELECT * FROM stream.records r
    WHERE r.topic_id = $1 AND r.partition = m.partition AND r."offset" >= m.position
    ORDER BY r."offset" LIMIT $7
) r LIMIT $5)
"""

# Taken back: the records of one key up to an offset. The log is gapless only where nothing was taken back.
ERASE = """
DELETE FROM stream.records WHERE topic_id = $1 AND partition = $2 AND key = $3 AND "offset" < $4
"""
SEARCH = """
SELECT "offset", key, value, headers, appended_at FROM stream.records
WHERE topic_id = $1 AND partition = $2 AND key = $3 AND position($4::bytea in value) > 0 ORDER BY "offset"
"""
REPLACE = 'UPDATE stream.records SET value = $4 WHERE topic_id = $1 AND partition = $2 AND "offset" = $3'
REMOVE = 'DELETE FROM stream.records WHERE topic_id = $1 AND partition = $2 AND "offset" = $3'

# The lock that shows that the member lives: it goes with the session, whatever ends it.
HOLD_MEMBER = "SELECT pg_advisory_lock($1)"
JOIN = "INSERT INTO stream.members (member_id, topic_id, consumer_group, client_id) VALUES ($1, $2, $3, $4)"
LEAVE = "DELETE FROM stream.members WHERE member_id = $1"
HEARTBEAT = "UPDATE stream.members SET heartbeat_at = clock_timestamp() WHERE member_id = $1"

# All that changes who owns what in a group happens under this lock.
LOCK_GROUP = "SELECT pg_advisory_xact_lock(hashtextextended('stream.group ' || $1::int || ' ' || $2::text, 0))"

# Members whose session is gone (nobody holds their lock) or who have been silent for too long.
EXPEL_DEAD = """
DELETE FROM stream.members m
WHERE m.topic_id = $1 AND m.consumer_group = $2 AND m.member_id <> $3 AND (
    m.heartbeat_at < clock_timestamp() - make_interval(secs => $4)
    OR NOT EXISTS (
        SELECT FROM pg_locks l
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND ((l.classid::bigint << 32) | l.objid::bigint) = m.member_id
    )
)
"""

HOLDINGS = """
SELECT m.member_id, array_remove(array_agg(c.partition), NULL) AS partitions
FROM stream.members m LEFT JOIN stream.claims c USING (topic_id, consumer_group, member_id)
WHERE m.topic_id = $1 AND m.consumer_group = $2
GROUP BY m.member_id
"""

CLAIM = (
    "INSERT INTO stream.claims (topic_id, consumer_group, partition, member_id) SELECT $1, $2, unnest($3::int[]), $4"
)
GIVE_BACK = (
    "DELETE FROM stream.claims WHERE topic_id = $1 AND consumer_group = $2 AND partition = ANY ($3) AND member_id = $4"
)
TELL_MEMBERS = "SELECT pg_notify('stream_members', $1::int || ' ' || $2::text)"

# One process at a time sweeps.
TRY_SWEEP = "SELECT pg_try_advisory_lock(hashtextextended('stream.sweep', 0))"
END_SWEEP = "SELECT pg_advisory_unlock(hashtextextended('stream.sweep', 0))"
ALL_PARTITIONS = "SELECT topic_id, partition FROM stream.partitions ORDER BY 1, 2"

# Delete the old ones among a partition's first records, up to the first that must be kept.
SWEEP = """
WITH head AS (
    SELECT "offset", appended_at FROM stream.records
    WHERE topic_id = $1 AND partition = $2 ORDER BY "offset" LIMIT $4
), kept AS (
    SELECT min("offset") AS first FROM head WHERE appended_at >= $3
)
DELETE FROM stream.records r USING head h, kept k
WHERE r.topic_id = $1 AND r.partition = $2 AND r."offset" = h."offset"
    AND (k.first IS NULL OR h."offset" < k.first)
"""
