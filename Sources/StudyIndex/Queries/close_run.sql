-- $1 run. What was not asked before its deadline is left for another night.
WITH rest AS (
    UPDATE slice SET state = 'skipped', ended = ledger_now(), lease_until = NULL, reason = 'the run''s time was over'
    WHERE run_id = $1 AND state IN ('ready', 'leased')
)
UPDATE job_run SET ended = ledger_now() WHERE id = $1 AND ended IS NULL
