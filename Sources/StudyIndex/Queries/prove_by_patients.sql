-- Days that were asked in parts, and of which a complete pass over all patients has shown the same studies, are proven by two
-- axes that have nothing in common. $1 source, $2 run of the pass
UPDATE coverage c
SET state = 'proven',
    reason = c.reason || '; the pass over all patients of ' || to_char(r.started AT TIME ZONE 'UTC', 'YYYY-MM-DD')
             || ' has the same studies'
FROM patient_pass_day d JOIN job_run r ON r.id = d.run_id
WHERE d.run_id = $2 AND d.source_id = $1
  AND c.source_id = $1 AND c.level = 'STUDY' AND c.state = 'enumerated' AND c.days = daterange(d.day, d.day, '[]')
  AND (c.studies, c.uid_digest) = (d.studies, d.uid_digest)
