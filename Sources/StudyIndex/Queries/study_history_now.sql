-- When sources first showed a study, and what they said of it last. $1 Study UID, $2 facilities (NULL: any)
SELECT s.name, to_char(o.first_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       ARRAY[o.study_uid, o.patient_id, o.issuer_of_patient_id, o.patient_name, o.patient_birth_date, o.patient_sex,
             o.study_date, o.study_time, o.accession_number, o.study_id, o.study_description,
             o.referring_physician_name, o.modalities_in_study, o.number_of_study_related_series,
             o.number_of_study_related_instances, o.instance_availability, o.retrieve_ae_title,
             o.timezone_offset_from_utc]
FROM observation o JOIN source s ON s.id = o.source_id
WHERE o.study_uid = $1 AND ($2::int8[] IS NULL OR o.facility_id = ANY ((SELECT $2::int4[])::int4[]))
ORDER BY s.name
