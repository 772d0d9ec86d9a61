-- Studies of a source, newest first, whose series were never asked for, or not since the study changed. $1 source,
-- $2 studies at most, $3 whether only those without a study date
SELECT o.study_uid FROM observation o
LEFT JOIN series_sweep s ON s.study_uid = o.study_uid AND s.source_id = o.source_id
WHERE o.source_id = $1 AND o.vanished_at IS NULL AND (NOT $3 OR o.study_day IS NULL)
  AND (s.verified_at IS NULL OR s.verified_at < o.changed_at)
ORDER BY o.study_day DESC NULLS LAST, o.study_uid
LIMIT $2
