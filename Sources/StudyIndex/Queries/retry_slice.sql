-- Gives a failed slice back, to be tried after a rest, or buries it. $1 slice, $2 claim, $3 seconds of rest,
-- $4 reason, $5 attempts at most; a permanent failure has $5 = 0.
UPDATE slice
SET state = CASE WHEN attempt >= $5 THEN 'dead' ELSE 'ready' END,
    ended = CASE WHEN attempt >= $5 THEN clock_timestamp() END,
    not_before = clock_timestamp() + make_interval(secs => $3 * 2 ^ (attempt - 1) * (0.5 + random() / 2)),
    reason = $4, lease_until = NULL
WHERE id = $1 AND claim_id = $2 AND state = 'leased'
RETURNING run_id, source_id
