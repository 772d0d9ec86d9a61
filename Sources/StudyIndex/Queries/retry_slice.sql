-- Gives a failed slice back, to be tried after a rest, or buries it. $1 slice, $2 claim, $3 seconds of rest,
-- $4 reason, $5 attempts at most, 0 after a permanent failure; $6 jitter, 0 to 1.
UPDATE slice
SET state = CASE WHEN attempt >= $5 THEN 'dead' ELSE 'ready' END,
    ended = CASE WHEN attempt >= $5 THEN ledger_now() END,
    not_before = ledger_now() + make_interval(secs => least($3 * 2 ^ (attempt - 1), 900) * (0.5 + $6 / 2)),
    reason = $4, lease_until = NULL
WHERE id = $1 AND claim_id = $2 AND state = 'leased'
RETURNING run_id, parent_id, day_id, state = 'dead'
