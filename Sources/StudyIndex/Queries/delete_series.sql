-- Series that a study's complete answer does not show any more; an answer without any series is not believed. $1 source
DELETE FROM series_observation o
WHERE o.source_id = $1 AND o.study_uid IN (SELECT study_uid FROM staged_series)
  AND NOT EXISTS (SELECT 1 FROM staged_series s WHERE s.study_uid = o.study_uid AND s.series_uid = o.series_uid)
RETURNING o.study_uid
