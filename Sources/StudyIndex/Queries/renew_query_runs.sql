-- $1 claims, $2 seconds
UPDATE query_run SET lease_until = ledger_now() + make_interval(secs => $2)
WHERE claim_id = ANY ($1::uuid[]) AND state = 'running'
