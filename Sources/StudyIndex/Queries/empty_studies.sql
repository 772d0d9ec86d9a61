-- Studies of a merge that no source holds any more: out of searches, kept for reports.
UPDATE study SET source_ids = '{}', uniform = false
WHERE study_uid IN (SELECT study_uid FROM staged) AND source_ids <> '{}'
  AND NOT EXISTS (SELECT 1 FROM observation o WHERE o.study_uid = study.study_uid AND o.vanished_at IS NULL)
