-- $1 job, $2 due, in seconds since 1970, $3 outcome
UPDATE scheduled_run SET ended = ledger_now(), outcome = $3 WHERE job = $1 AND due = to_timestamp($2) AND ended IS NULL
