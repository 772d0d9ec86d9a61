-- $1 claim, $2 matches, $3 warnings, $4 age, $5 answer. No row: it is somebody else's by now.
UPDATE query_run
SET state = 'completed', ended = ledger_now(), lease_until = NULL, matches = $2::int8, warnings = $3, age = $4::int8, answer = $5
WHERE claim_id = $1 AND state = 'running'
