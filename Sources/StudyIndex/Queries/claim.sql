-- Leases one slice of a run and source: an expired lease first, then what is ready, before the run's deadline. Each in the
-- order of an index: sorted, all that a run has ever had open would be read each time.
-- $1 run, $2 source, $3 worker, $4 lease in seconds.
WITH now AS MATERIALIZED (
    SELECT ledger_now() AS now FROM job_run WHERE id = $1 AND ledger_now() < coalesce(deadline, 'infinity')
), expired AS MATERIALIZED (
    SELECT id FROM slice
    WHERE run_id = $1 AND source_id = $2 AND state = 'leased' AND lease_until < (SELECT now FROM now)
    ORDER BY id DESC
    LIMIT 1
    FOR UPDATE SKIP LOCKED
), ready AS MATERIALIZED (
    SELECT id FROM slice
    WHERE run_id = $1 AND source_id = $2 AND state = 'ready'
      AND not_before <= (SELECT now FROM now) AND NOT EXISTS (SELECT FROM expired)
    ORDER BY id DESC
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE slice s
SET state = 'leased', attempt = attempt + 1, claim_id = ledger_id(), worker = $3,
    lease_until = ledger_now() + make_interval(secs => $4)
FROM (SELECT id FROM expired UNION ALL SELECT id FROM ready) AS picked WHERE s.id = picked.id
RETURNING s.id, s.claim_id, s.attempt, s.sized, s.level, s.axis,
          s.date_from - date '2000-01-01', s.date_to - date '2000-01-01', s.time_from, s.time_to,
          s.modality, s.patient_prefix, s.patient_id, s.uids,
          coalesce((SELECT max(p.raw_rows) FROM slice p
                    WHERE p.run_id = $1 AND p.source_id = $2 AND p.level = s.level AND p.final_status = 0), 0)
