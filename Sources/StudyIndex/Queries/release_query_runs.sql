-- What this server will not end is anybody's, and was no attempt. $1 claims
UPDATE query_run SET state = 'pending', lease_until = NULL, claim_id = NULL, attempts = attempts - 1
WHERE claim_id = ANY ($1::uuid[]) AND state = 'running'
