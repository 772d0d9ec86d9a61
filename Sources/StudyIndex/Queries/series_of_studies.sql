-- The series of studies as their current holders show them, the best source of each first. $1 Study UIDs, $2 facilities
-- (NULL: any)
SELECT source.ae_title, s.series_uid, s.study_uid, s.modality, s.series_number, s.series_description, s.body_part_examined,
       s.series_date, s.series_time, s.number_of_series_related_instances, s.lossy,
       source.name
FROM series_observation s
JOIN observation o ON o.study_uid = s.study_uid AND o.source_id = s.source_id AND o.vanished_at IS NULL
JOIN source ON source.id = s.source_id
WHERE s.study_uid = ANY ($1::text[])
  AND ($2::int8[] IS NULL OR o.facility_id = ANY ((SELECT $2::int4[])::int4[]))
ORDER BY s.study_uid, s.series_uid, source.priority, source.id
