-- A claimed slice keeps the newer part of its days, from $3 on (days since 2000-01-01). $1 slice, $2 claim.
-- Returns what the older part, which becomes a slice of its own, has to inherit.
UPDATE slice SET date_from = date '2000-01-01' + $3::int4, sized = true
WHERE id = $1 AND claim_id = $2 AND state = 'leased' AND axis = 'dates'
  AND coalesce(date_from, '-infinity') < date '2000-01-01' + $3::int4
RETURNING run_id, parent_id
