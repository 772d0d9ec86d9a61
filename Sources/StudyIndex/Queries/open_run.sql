-- $1 job, $2 resume key or NULL, $3 seconds until the deadline or NULL. No row: an unfinished run has this key.
INSERT INTO job_run (job, resume_key, started, deadline)
VALUES ($1, $2, ledger_now(), ledger_now() + make_interval(secs => $3))
ON CONFLICT (resume_key) WHERE ended IS NULL DO NOTHING
RETURNING id
