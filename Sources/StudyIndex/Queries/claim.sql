-- Leases one slice of a run and source: an expired lease first, then what is ready, before the run's deadline.
-- $1 run, $2 source, $3 worker, $4 lease in seconds.
WITH picked AS (
    SELECT slice.id FROM slice JOIN job_run r ON r.id = slice.run_id
    WHERE run_id = $1 AND source_id = $2 AND ledger_now() < coalesce(r.deadline, 'infinity')
      AND ((state = 'ready' AND not_before <= ledger_now()) OR (state = 'leased' AND lease_until < ledger_now()))
    ORDER BY state = 'ready', slice.id DESC
    LIMIT 1
    FOR UPDATE OF slice SKIP LOCKED
)
UPDATE slice s
SET state = 'leased', attempt = attempt + 1, claim_id = ledger_id(), worker = $3,
    lease_until = ledger_now() + make_interval(secs => $4)
FROM picked WHERE s.id = picked.id
RETURNING s.id, s.claim_id, s.attempt, s.sized, s.level, s.axis,
          s.date_from - date '2000-01-01', s.date_to - date '2000-01-01', s.time_from, s.time_to,
          s.modality, s.patient_prefix, s.patient_id, s.uids,
          coalesce((SELECT max(p.raw_rows) FROM slice p
                    WHERE p.run_id = $1 AND p.source_id = $2 AND p.level = s.level AND p.final_status = 0), 0),
          CASE WHEN s.axis = 'uids' AND s.level = 'STUDY' THEN
              (SELECT o.study_uid FROM observation o
               WHERE o.source_id = $2 AND o.missing_since IS NULL AND o.study_day IS NOT NULL
                 AND o.study_uid <> ALL (s.uids)
               ORDER BY o.study_day DESC, o.study_uid DESC LIMIT 1) END
