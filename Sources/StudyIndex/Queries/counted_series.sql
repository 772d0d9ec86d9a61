-- The series of copies of which all series are known as they are. $1 Study UIDs
SELECT o.study_uid, s.name, coalesce(array_agg(x.series_uid ORDER BY x.series_uid) FILTER (WHERE x.series_uid IS NOT NULL), '{}'),
       coalesce(array_agg(coalesce(x.modality, '') ORDER BY x.series_uid) FILTER (WHERE x.series_uid IS NOT NULL), '{}'),
       coalesce(array_agg(coalesce(x.instance_count::text, '') ORDER BY x.series_uid) FILTER (WHERE x.series_uid IS NOT NULL), '{}')
FROM observation o
JOIN source s ON s.id = o.source_id
JOIN series_sweep w ON w.study_uid = o.study_uid AND w.source_id = o.source_id AND w.verified_at >= o.changed_at
LEFT JOIN series_observation x ON x.study_uid = o.study_uid AND x.source_id = o.source_id
WHERE o.study_uid = ANY ($1::text[]) AND o.vanished_at IS NULL
GROUP BY o.study_uid, s.name
