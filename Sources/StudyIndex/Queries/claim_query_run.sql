-- Takes the oldest run that nobody runs, or whose server has not been heard of. $1 seconds of its lease, $2 attempts at most.
UPDATE query_run
SET state = 'running', attempts = attempts + 1, claim_id = gen_random_uuid(),
    lease_until = ledger_now() + make_interval(secs => $1)
WHERE id = (
    SELECT id FROM query_run
    WHERE state IN ('pending', 'running') AND (state = 'pending' OR lease_until < ledger_now()) AND attempts < $2
    ORDER BY created FOR UPDATE SKIP LOCKED LIMIT 1)
RETURNING id, claim_id, key_id, config_id, level, query, cache_control, facilities
