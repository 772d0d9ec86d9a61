-- $1 job, $2 resume key or NULL. No row: an unfinished run has this key.
INSERT INTO job_run (job, resume_key) VALUES ($1, $2)
ON CONFLICT (resume_key) WHERE ended IS NULL DO NOTHING
RETURNING id
