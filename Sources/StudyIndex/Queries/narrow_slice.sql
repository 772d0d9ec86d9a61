-- Of a claimed slice the newer days, from $3 on (days since 2000-01-01), become a slice of their own under the same claim. The
-- older ones are open to everybody again, in their place: whatever becomes of the newer ones is asked before them.
-- $1 slice, $2 claim. No row: not ours, or done before.
WITH old AS (
    SELECT * FROM slice
    WHERE id = $1 AND claim_id = $2 AND state = 'leased' AND axis = 'dates'
      AND coalesce(date_from, '-infinity') < date '2000-01-01' + $3::int4
    FOR UPDATE
), rest AS (
    UPDATE slice s
    SET date_to = date '2000-01-01' + $3::int4 - 1, state = 'ready', attempt = 0, claim_id = NULL, worker = NULL,
        lease_until = NULL
    FROM old WHERE s.id = old.id
)
INSERT INTO slice (run_id, source_id, parent_id, sized, level, axis, date_from, date_to, state, attempt, claim_id, worker,
                   lease_until)
SELECT run_id, source_id, parent_id, true, level, axis, date '2000-01-01' + $3::int4, date_to, state, attempt, claim_id, worker,
       lease_until
FROM old
RETURNING id
