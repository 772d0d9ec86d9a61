-- $1 Study UIDs, $2 sources
SELECT s.source_id, s.series_uid, s.study_uid, s.modality, s.series_number, s.series_description, s.body_part_examined,
       s.series_date, s.series_time, s.number_of_series_related_instances, s.lossy
FROM series_observation s
WHERE s.study_uid = ANY ($1::text[]) AND s.source_id = ANY ($2::int8[])
ORDER BY s.study_uid, s.source_id, s.series_uid
