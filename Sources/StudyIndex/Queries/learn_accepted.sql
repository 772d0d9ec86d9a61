-- What a run has shown of sources that refuse what is too broad: the most rows that they sent. A run of a few days shows less
-- than what is known. $1 run
INSERT INTO source_capability (source_id, name, value, evidence, learned_at)
SELECT source_id, 'most_rows_accepted', max(raw_rows) FILTER (WHERE final_status = 0),
       count(*) FILTER (WHERE reason = 'refused as too broad') || ' broader questions were refused', ledger_now()
FROM slice
WHERE run_id = $1 AND level = 'STUDY' AND axis = 'dates'
GROUP BY source_id
HAVING count(*) FILTER (WHERE reason = 'refused as too broad') > 2 AND max(raw_rows) FILTER (WHERE final_status = 0) > 0
ON CONFLICT (source_id, name) DO UPDATE
SET value = greatest(source_capability.value::int4, excluded.value::int4)::text, evidence = excluded.evidence, learned_at = excluded.learned_at
