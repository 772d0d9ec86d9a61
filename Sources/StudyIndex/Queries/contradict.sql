-- $1 slice, $2 reason: its parts have shown less than it did.
UPDATE slice SET state = 'irreducible', reason = $2 WHERE id = $1
RETURNING level, date_from - date '2000-01-01', date_to - date '2000-01-01', run_id
