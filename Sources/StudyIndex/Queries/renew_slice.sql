-- $1 slice, $2 claim, $3 lease in seconds
UPDATE slice SET lease_until = ledger_now() + make_interval(secs => $3)
WHERE id = $1 AND claim_id = $2 AND state = 'leased'
