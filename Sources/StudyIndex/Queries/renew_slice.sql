UPDATE slice SET lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE id = $1 AND claim_id = $2 AND state = 'leased'
