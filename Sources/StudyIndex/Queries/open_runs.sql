-- Runs that have not ended, and the sources that they still have slices for.
SELECT r.id, array_agg(DISTINCT s.name ORDER BY s.name)
FROM job_run r JOIN slice l ON l.run_id = r.id AND l.state IN ('ready', 'leased') JOIN source s ON s.id = l.source_id
WHERE r.ended IS NULL AND ledger_now() < coalesce(r.deadline, 'infinity')
GROUP BY r.id ORDER BY r.id
