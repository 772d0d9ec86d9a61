-- Ends a claimed slice, fenced by its claim. $1 slice, $2 claim, $3 state, $4 raw rows, $5 distinct UIDs,
-- $6 filtered out, $7 final status, $8 duration in seconds, $9 reason. No row: fenced, or already ended.
UPDATE slice
SET state = $3, raw_rows = $4, distinct_uids = $5, filtered_out = $6, final_status = $7, duration = $8, reason = $9,
    lease_until = NULL, ended = clock_timestamp()
WHERE id = $1 AND claim_id = $2 AND state = 'leased'
RETURNING run_id, source_id
