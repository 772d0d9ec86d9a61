-- Keeps what a source said of studies that it now says something else of, or shows again. $1 source
INSERT INTO observation_history (study_uid, source_id, event, since, until, facility_id, texts)
SELECT o.study_uid, o.source_id, CASE WHEN o.vanished_at IS NULL THEN 'changed' ELSE 'returned' END,
       coalesce(o.vanished_at, o.changed_at), ledger_now(), o.facility_id,
       ARRAY[o.study_uid, o.patient_id, o.issuer_of_patient_id, o.patient_name, o.patient_birth_date, o.patient_sex,
       o.study_date, o.study_time, o.accession_number, o.study_id, o.study_description,
       o.referring_physician_name, o.modalities_in_study, o.number_of_study_related_series,
       o.number_of_study_related_instances, o.instance_availability, o.retrieve_ae_title,
       o.timezone_offset_from_utc]
FROM staged JOIN observation o ON o.study_uid = staged.study_uid AND o.source_id = $1
WHERE o.content_hash <> staged.content_hash OR o.vanished_at IS NOT NULL
ORDER BY o.study_uid
