-- Series that are new or have changed; what is unchanged is not written. $1 source
INSERT INTO series_observation (
    source_id, first_seen, changed_at, series_uid, study_uid, modality, series_number, series_description,
    body_part_examined, series_date, series_time, number_of_series_related_instances, instance_count, lossy,
    content_hash)
SELECT $1, moment.t, moment.t, series_uid, study_uid, modality, series_number, series_description,
       body_part_examined, series_date, series_time, number_of_series_related_instances, instance_count, lossy,
       content_hash
FROM staged_series, (SELECT ledger_now() AS t OFFSET 0) AS moment
ORDER BY study_uid, series_uid
ON CONFLICT (study_uid, series_uid, source_id) DO UPDATE
SET changed_at = excluded.changed_at, modality = excluded.modality, series_number = excluded.series_number,
    series_description = excluded.series_description, body_part_examined = excluded.body_part_examined,
    series_date = excluded.series_date, series_time = excluded.series_time,
    number_of_series_related_instances = excluded.number_of_series_related_instances,
    instance_count = excluded.instance_count, lossy = excluded.lossy, content_hash = excluded.content_hash
WHERE series_observation.content_hash <> excluded.content_hash
RETURNING xmax = 0, study_uid
