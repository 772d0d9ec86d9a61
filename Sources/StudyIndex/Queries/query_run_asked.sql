-- $1 claim
SELECT s.source FROM query_run_source s JOIN query_run r ON r.id = s.run_id WHERE r.claim_id = $1
