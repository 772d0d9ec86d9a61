-- Gives a slice back that could not be asked, because no association was to be had; no attempt was made.
-- $1 slice, $2 claim, $3 seconds of rest
UPDATE slice
SET state = 'ready', attempt = attempt - 1, lease_until = NULL, not_before = ledger_now() + make_interval(secs => $3)
WHERE id = $1 AND claim_id = $2 AND state = 'leased'
RETURNING run_id, parent_id, day_id
