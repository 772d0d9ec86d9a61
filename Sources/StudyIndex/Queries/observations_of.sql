-- $1 Study UIDs, $2 facilities (NULL: any)
SELECT s.name, o.issuer, o.lossy,
       o.study_uid, o.patient_id, o.issuer_of_patient_id, o.patient_name, o.patient_birth_date, o.patient_sex,
       o.study_date, o.study_time, o.accession_number, o.study_id, o.study_description,
       o.referring_physician_name, o.modalities_in_study, o.number_of_study_related_series,
       o.number_of_study_related_instances, o.instance_availability, o.retrieve_ae_title,
       o.timezone_offset_from_utc,
       s.priority, to_char(o.first_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
       to_char(o.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), extract(epoch FROM o.counted_at)::int8
FROM observation o JOIN source s ON s.id = o.source_id
WHERE o.study_uid = ANY ($1::text[]) AND o.vanished_at IS NULL
  AND ($2::int8[] IS NULL OR o.facility_id = ANY ((SELECT $2::int4[])::int4[]))
ORDER BY o.study_uid, s.name
