-- What these sources say of studies, and whether the series of each copy were asked for since it last changed. $1 Study UIDs,
-- $2 sources
SELECT o.source_id, o.issuer, o.lossy, o.vanished_at IS NOT NULL, coalesce(s.verified_at >= o.changed_at, false),
       o.study_uid, o.patient_id, o.issuer_of_patient_id, o.patient_name, o.patient_birth_date, o.patient_sex,
       o.study_date, o.study_time, o.accession_number, o.study_id, o.study_description,
       o.referring_physician_name, o.modalities_in_study, o.number_of_study_related_series,
       o.number_of_study_related_instances, o.instance_availability, o.retrieve_ae_title,
       o.timezone_offset_from_utc
FROM observation o LEFT JOIN series_sweep s ON s.study_uid = o.study_uid AND s.source_id = o.source_id
WHERE o.study_uid = ANY ($1::text[]) AND o.source_id = ANY ($2::int8[])
ORDER BY o.study_uid, o.source_id
