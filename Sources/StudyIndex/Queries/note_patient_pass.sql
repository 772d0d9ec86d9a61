-- $1 source, $2 run, $3 kind
INSERT INTO patient_pass (source_id, run_id, kind, verified_at)
SELECT $1, id, $3, started FROM job_run WHERE id = $2
ON CONFLICT (source_id) DO UPDATE
SET run_id = excluded.run_id, kind = excluded.kind, verified_at = excluded.verified_at
