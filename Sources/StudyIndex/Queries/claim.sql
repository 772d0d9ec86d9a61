-- Leases one slice of a run and source: an expired lease first, then what is ready. $1 run, $2 source, $3 worker,
-- $4 lease in seconds.
WITH picked AS (
    SELECT id FROM slice
    WHERE run_id = $1 AND source_id = $2
      AND ((state = 'ready' AND not_before <= clock_timestamp())
        OR (state = 'leased' AND lease_until < clock_timestamp()))
    ORDER BY state = 'ready', id DESC
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE slice s
SET state = 'leased', attempt = attempt + 1, claim_id = gen_random_uuid(), worker = $3,
    lease_until = clock_timestamp() + make_interval(secs => $4)
FROM picked WHERE s.id = picked.id
RETURNING s.id, s.claim_id, s.attempt, s.level, s.axis,
          s.date_from - date '2000-01-01', s.date_to - date '2000-01-01', s.time_from, s.time_to, s.uids,
          coalesce((SELECT max(p.raw_rows) FROM slice p
                    WHERE p.run_id = $1 AND p.source_id = $2 AND p.final_status = 0), 0)
