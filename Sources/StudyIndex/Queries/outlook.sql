-- When something may be claimed. $1 run, $2 source. No row: nothing is left that may be asked; else the seconds until then.
SELECT extract(epoch FROM greatest(min(CASE WHEN state = 'ready' THEN not_before ELSE lease_until END), ledger_now())
                          - ledger_now())::float8
FROM slice JOIN job_run r ON r.id = slice.run_id
WHERE run_id = $1 AND source_id = $2 AND state IN ('ready', 'leased')
  AND ledger_now() < coalesce(r.deadline, 'infinity')
HAVING count(*) > 0
