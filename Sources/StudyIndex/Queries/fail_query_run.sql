-- $1 claim, $2 reason
UPDATE query_run SET state = 'failed', ended = ledger_now(), lease_until = NULL, reason = $2
WHERE claim_id = $1 AND state = 'running'
