-- Ends a claimed slice, fenced by its claim. $1 slice, $2 claim, $3 state, $4 raw rows, $5 distinct UIDs,
-- $6 filtered out, $7 UID digest, $8 final status, $9 duration in seconds, $10 reason.
-- No row: fenced, or already ended.
UPDATE slice
SET state = $3, raw_rows = $4, distinct_uids = $5, filtered_out = $6, uid_digest = $7, final_status = $8,
    duration = $9, reason = $10, lease_until = NULL, ended = ledger_now()
WHERE id = $1 AND claim_id = $2 AND state = 'leased'
RETURNING run_id, parent_id, day_id
