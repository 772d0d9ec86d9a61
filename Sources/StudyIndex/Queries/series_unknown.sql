-- Holders of studies that were not asked for the series since the study last changed there. $1 Study UIDs,
-- $2 facilities (NULL: any)
SELECT o.study_uid, source.name
FROM observation o
JOIN source ON source.id = o.source_id
LEFT JOIN series_sweep s ON s.study_uid = o.study_uid AND s.source_id = o.source_id
WHERE o.study_uid = ANY ($1::text[]) AND o.vanished_at IS NULL
  AND ($2::int8[] IS NULL OR o.facility_id = ANY ((SELECT $2::int4[])::int4[]))
  AND (s.verified_at IS NULL OR s.verified_at < o.changed_at)
ORDER BY o.study_uid, source.priority, source.id
