-- $1 claim, $2 source, $3 state, $4 matches, $5 reason
INSERT INTO query_run_source (run_id, source, state, matches, reason, started, ended)
SELECT id, $2, $3, $4::int8, $5, CASE WHEN $3 = 'pending' THEN ledger_now() END, CASE WHEN $3 <> 'pending' THEN ledger_now() END
FROM query_run WHERE claim_id = $1 AND state = 'running'
ON CONFLICT (run_id, source) DO UPDATE
SET state = excluded.state, matches = coalesce(excluded.matches, query_run_source.matches), reason = excluded.reason,
    started = coalesce(excluded.started, query_run_source.started),
    -- What is known only when all is over does not change when it was.
    ended = CASE WHEN excluded.state = query_run_source.state THEN query_run_source.ended ELSE excluded.ended END
