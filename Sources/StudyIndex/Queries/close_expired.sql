-- Ends runs whose time was over long ago, because whoever made them did not live to do it. What nobody is asking any more
-- was not asked.
WITH expired AS (
    SELECT id FROM job_run r
    WHERE ended IS NULL AND deadline < ledger_now()
      AND NOT EXISTS (SELECT 1 FROM slice s
                      WHERE s.run_id = r.id AND s.state = 'leased' AND s.lease_until > ledger_now())
), rest AS (
    UPDATE slice SET state = 'skipped', ended = ledger_now(), lease_until = NULL, reason = 'the run''s time was over'
    WHERE run_id IN (SELECT id FROM expired) AND state IN ('ready', 'leased')
)
UPDATE job_run SET ended = ledger_now() WHERE id IN (SELECT id FROM expired)
