-- $1 job. When it was last due, or else first seen, in seconds since 1970; and whether that run has not ended.
WITH seen AS (
    INSERT INTO scheduled_job (job, seen) VALUES ($1, ledger_now()) ON CONFLICT (job) DO UPDATE SET job = excluded.job
    RETURNING seen
)
SELECT extract(epoch FROM coalesce(r.due, seen.seen))::float8, r.due IS NOT NULL AND r.ended IS NULL,
       extract(epoch FROM ledger_now())::float8
FROM seen LEFT JOIN LATERAL (
    SELECT due, ended FROM scheduled_run WHERE job = $1 ORDER BY due DESC LIMIT 1
) AS r ON true
