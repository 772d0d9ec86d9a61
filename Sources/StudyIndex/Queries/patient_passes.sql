-- The last complete pass over each source's patients, and how many of its studies no date range reaches.
SELECT s.name, p.kind, to_char(p.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
       (SELECT count(*) FROM observation o
        WHERE o.source_id = s.id AND o.vanished_at IS NULL AND o.study_day IS NULL)
FROM patient_pass p JOIN source s ON s.id = p.source_id ORDER BY s.name
