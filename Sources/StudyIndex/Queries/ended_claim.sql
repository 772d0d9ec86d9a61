-- Whether this very claim has ended the slice: a COMMIT whose answer was lost.
SELECT 1 FROM slice WHERE id = $1 AND claim_id = $2 AND state <> 'leased'
