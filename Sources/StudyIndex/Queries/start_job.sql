-- $1 job, $2 due, in seconds since 1970. No row: somebody has started it.
INSERT INTO scheduled_run (job, due, started) VALUES ($1, to_timestamp($2), ledger_now())
ON CONFLICT (job, due) DO NOTHING
RETURNING 1
