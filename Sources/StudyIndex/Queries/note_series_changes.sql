-- Studies whose series are others than before, or are known for the first time since the study changed. $1 source, $2 all
-- that were asked for, $3 those with other series
INSERT INTO change (study_uid)
SELECT uid FROM unnest($2::text[]) AS uid
WHERE uid = ANY ($3::text[]) OR NOT EXISTS (
    SELECT 1 FROM series_sweep s JOIN observation o USING (study_uid, source_id)
    WHERE s.study_uid = uid AND s.source_id = $1 AND s.verified_at >= o.changed_at)
ORDER BY uid
